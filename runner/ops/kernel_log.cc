#include "runner/ops/kernel_log.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

thread_local KernelLog* active = nullptr;

// The same literal may have two addresses.
bool SameText(const char* a, const char* b) { return a == b || std::strcmp(a, b) == 0; }

bool SameOperands(const std::vector<KernelOperand>& a, std::initializer_list<KernelOperand> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const KernelOperand& x, const KernelOperand& y) {
                      return x.size == y.size && SameText(x.name, y.name);
                    });
}

}  // namespace

std::string KernelLog::Entry::OperandsText() const {
  std::string text;
  for (const KernelOperand& operand : operands) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", operand.name, "=", operand.size);
  }
  return text;
}

void KernelLog::Record(const char* kernel, std::initializer_list<KernelOperand> operands,
                       int64_t rows) {
  // A model has a dozen entries, so that the search is shorter than a hash.
  for (Entry& entry : entries_) {
    if (!SameOperands(entry.operands, operands) || !SameText(entry.kernel, kernel) ||
        !SameText(entry.phase, phase_)) {
      continue;
    }
    ++entry.calls;
    entry.min_rows = std::min(entry.min_rows, rows);
    entry.max_rows = std::max(entry.max_rows, rows);
    return;
  }
  entries_.push_back({phase_, kernel, operands, 1, rows, rows});
}

ActiveKernelLog::ActiveKernelLog(KernelLog* log) : before_(active) { active = log; }
ActiveKernelLog::~ActiveKernelLog() { active = before_; }

void RecordKernel(const char* kernel, std::initializer_list<KernelOperand> operands, int64_t rows) {
  if (active != nullptr) active->Record(kernel, operands, rows);
}

}  // namespace forensics::runner
