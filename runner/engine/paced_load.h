// Concurrent work in bursts, on a device that has a clock of its own: busy for a given share of the
// time.
#ifndef RUNNER_ENGINE_PACED_LOAD_H_
#define RUNNER_ENGINE_PACED_LOAD_H_

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runner/engine/background_load.h"

namespace forensics::runner {

// What the bursts run on. Times are seconds of the device's clock. What it throws becomes a Status.
class LoadDevice {
 public:
  virtual ~LoadDevice() = default;

  // On the worker's thread, before its first burst.
  virtual void PrepareWorker() = 0;
  // On the worker's thread: runs one burst; returns when it ran, once it has ended.
  virtual Interval RunBurst() = 0;
  // On the worker's thread: lets so many seconds go by.
  virtual void Rest(double seconds) = 0;

  // On the thread of inference: notes the time at which its work gets here.
  virtual void Mark() = 0;
  // The times of all marks, in their order; inference's work has ended.
  virtual std::vector<double> Marks() = 0;
};

struct PacedLoadOptions {
  std::string kernel;             // what a burst is, for the records
  double target_utilisation = 0;  // share of the time that bursts run; below 1
  int products_per_burst = 1;
  std::unique_ptr<LoadDevice> device;
};

class PacedLoad : public BackgroundLoad {
 public:
  // Returns once the first burst has ended; its error if it failed.
  static absl::StatusOr<std::unique_ptr<BackgroundLoad>> Start(PacedLoadOptions options);
  ~PacedLoad() override;  // waits for the burst at hand

  void BeginPass() override;
  void EndPass() override;
  // `utilisation` is the share of the time from the first pass to the last in which bursts ran.
  absl::StatusOr<schema::BackgroundLoad> Finish() override;

 private:
  explicit PacedLoad(PacedLoadOptions options) : options_(std::move(options)) {}
  void Work();
  absl::Status RunBursts();
  void Stop();
  absl::StatusOr<std::vector<Interval>> Passes();

  const PacedLoadOptions options_;
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool under_way_ = false;      // guarded by mutex_: the first burst has ended, or none will
  absl::Status worker_status_;  // the worker's own until it has ended, and before under_way_
  std::vector<Interval> busy_;  // likewise
  absl::Status mark_status_;
  std::thread worker_;
};

// How long to rest so that bursts that ran for `busy` seconds, the first of which began `elapsed`
// seconds ago, make up `target` of the time; what earlier rests were too long or too short is made
// up for.
double RestAfter(double busy, double elapsed, double target);

// Seconds of [begin, end) that sorted, disjoint intervals cover, and how many of them reach into
// it.
struct Coverage {
  double seconds = 0;
  int64_t intervals = 0;
};
Coverage CoverageOf(const std::vector<Interval>& intervals, double begin, double end);

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_PACED_LOAD_H_
