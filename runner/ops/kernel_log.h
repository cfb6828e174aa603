// Which shapes the kernels were given: kernels and shapes, not the batch as such, decide bits.
#ifndef RUNNER_OPS_KERNEL_LOG_H_
#define RUNNER_OPS_KERNEL_LOG_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace forensics::runner {

// A dimension that the model fixes, such as {"in", 256}. The name is a literal.
struct KernelOperand {
  const char* name;
  int64_t size;
};

// Counts calls by phase, kernel and operands. A thread has at most one active log; the operations
// that it calls record into it, the pools of threads inside them do not.
class KernelLog {
 public:
  struct Entry {
    const char* phase;
    const char* kernel;
    std::vector<KernelOperand> operands;
    int64_t calls, min_rows, max_rows;

    // "in=256, out=512"
    std::string OperandsText() const;
  };

  // `phase`, a literal, is that of the calls that follow.
  void BeginPhase(const char* phase) { phase_ = phase; }

  void Record(const char* kernel, std::initializer_list<KernelOperand> operands, int64_t rows);

  // In the order of first use.
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  const char* phase_ = "";
  std::vector<Entry> entries_;
};

// Makes `log` this thread's active one for its own lifetime.
class ActiveKernelLog {
 public:
  explicit ActiveKernelLog(KernelLog* log);
  ~ActiveKernelLog();
  ActiveKernelLog(const ActiveKernelLog&) = delete;
  ActiveKernelLog& operator=(const ActiveKernelLog&) = delete;

 private:
  KernelLog* before_;
};

// Called where an operation has chosen its kernel. `kernel` is a literal; `rows` is the dimension
// that batch and tokens decide. Without an active log it costs one branch.
void RecordKernel(const char* kernel, std::initializer_list<KernelOperand> operands, int64_t rows);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_KERNEL_LOG_H_
