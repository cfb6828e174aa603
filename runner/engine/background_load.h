// Concurrent work beside inference, as the generation loop sees it. It shares nothing with
// inference but the machine, so that inference picks the same kernels as without it and yields the
// same bits; its time is what changes. On CPUs: processor_load.h; on GPUs: gpu_load.h.
#ifndef RUNNER_ENGINE_BACKGROUND_LOAD_H_
#define RUNNER_ENGINE_BACKGROUND_LOAD_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/engine/busy_intervals.h"
#include "schema/run.pb.h"

namespace forensics::runner {

class BackgroundLoad {
 public:
  // Stops the work and waits for its end.
  virtual ~BackgroundLoad() = default;

  // Around each forward pass, by the thread that runs them.
  virtual void BeginPass() = 0;
  virtual void EndPass() = 0;

  // Stops the work and tells what it did from the first BeginPass to the last EndPass; times are
  // relative to the first BeginPass. FailedPrecondition if no product ran during a pass.
  virtual absl::StatusOr<schema::BackgroundLoad> Finish() = 0;
};

// Starts work that is under way when it returns.
using StartLoad = std::function<absl::StatusOr<std::unique_ptr<BackgroundLoad>>()>;

// The times of `busy` (sorted and disjoint) and `passes` (in order), and how far they overlap;
// `stored` are the intervals to keep, as many as a record can hold. All of one clock. What kind of
// work it was is the caller's to add. FailedPrecondition as in Finish.
absl::StatusOr<schema::BackgroundLoad> ReportOverlap(const std::vector<Interval>& busy,
                                                     const std::vector<Interval>& stored,
                                                     const std::vector<Interval>& passes,
                                                     int64_t products);

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_BACKGROUND_LOAD_H_
