// Concurrent work on the CPU: threads that multiply matrices while inference runs beside them.
//
// They have buffers of their own, a kernel of their own (serial_product.h), no thread pool, and use
// none of the libraries' settings.
#ifndef RUNNER_ENGINE_PROCESSOR_LOAD_H_
#define RUNNER_ENGINE_PROCESSOR_LOAD_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/engine/background_load.h"
#include "runner/engine/busy_intervals.h"
#include "schema/run.pb.h"

namespace forensics::runner {

struct LoadOptions {
  int workers = 1;     // each always busy
  int processors = 1;  // that this process may use
  std::string kernel;  // what a product is, for the records
  // A worker's product, with buffers of its own; called once for each worker.
  std::function<std::function<void()>()> new_product;
  // Seconds of a monotonic clock; called from any thread.
  std::function<double()> clock;
};

// Half of the processors, but at least one worker; real products.
LoadOptions HalfOfThisMachine();

// "1 worker of 2 processors: matrix product 256 x 256 x 256, float32", for the manifest.
std::string DescribeLoad(const LoadOptions& options);

class ProcessorLoad : public BackgroundLoad {
 public:
  // Returns once each worker has finished its first product.
  static absl::StatusOr<std::unique_ptr<BackgroundLoad>> Start(LoadOptions options);
  ~ProcessorLoad() override;  // waits for the product at hand of each worker

  void BeginPass() override;
  void EndPass() override;
  absl::StatusOr<schema::BackgroundLoad> Finish() override;

 private:
  struct Worker;

  // Sums over the workers so far.
  struct Progress {
    double cpu_seconds = 0;
    int64_t products = 0;
  };

  explicit ProcessorLoad(LoadOptions options);
  void Stop();
  Progress Sum() const;

  LoadOptions options_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Interval> passes_;
  Progress first_, last_;  // at the first BeginPass and the last EndPass
};

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_PROCESSOR_LOAD_H_
