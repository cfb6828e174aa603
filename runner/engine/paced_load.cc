#include "runner/engine/paced_load.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runner/engine/torch_errors.h"

namespace forensics::runner {
namespace {

// As many as a record holds, neighbours merged.
std::vector<Interval> ToStore(const std::vector<Interval>& busy) {
  BusyIntervals merged;
  for (const Interval& interval : busy) merged.Add(interval);
  return merged.intervals();
}

absl::Status OfLoad(const absl::Status& error) {
  if (error.ok()) return error;
  return absl::Status(error.code(), absl::StrCat("background load: ", error.message()));
}

}  // namespace

double RestAfter(double busy, double elapsed, double target) {
  return std::max(0.0, busy / target - elapsed);
}

Coverage CoverageOf(const std::vector<Interval>& intervals, double begin, double end) {
  Coverage coverage;
  for (const Interval& interval : intervals) {
    const double from = std::max(interval.begin, begin), to = std::min(interval.end, end);
    if (from >= to) continue;
    coverage.seconds += to - from;
    ++coverage.intervals;
  }
  return coverage;
}

absl::StatusOr<std::unique_ptr<BackgroundLoad>> PacedLoad::Start(PacedLoadOptions options) {
  auto load = std::unique_ptr<PacedLoad>(new PacedLoad(std::move(options)));
  try {
    load->worker_ = std::thread(&PacedLoad::Work, load.get());
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(absl::StrCat("background load: ", error.what()));
  }
  {
    std::unique_lock<std::mutex> lock(load->mutex_);
    load->changed_.wait(lock, [&] { return load->under_way_; });
    if (!load->busy_.empty()) return load;
  }
  load->Stop();
  return OfLoad(load->worker_status_);
}

PacedLoad::~PacedLoad() { Stop(); }

void PacedLoad::Stop() {
  stop_ = true;
  if (worker_.joinable()) worker_.join();
}

void PacedLoad::Work() {
  absl::Status status = RunBursts();
  const std::lock_guard<std::mutex> lock(mutex_);
  worker_status_ = std::move(status);
  under_way_ = true;
  changed_.notify_one();
}

absl::Status PacedLoad::RunBursts() {
  return CatchTorch([this]() -> absl::Status {
    LoadDevice& device = *options_.device;
    device.PrepareWorker();
    double busy = 0;
    while (!stop_.load(std::memory_order_relaxed)) {
      const Interval burst = device.RunBurst();
      busy += burst.end - burst.begin;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        busy_.push_back(burst);
        under_way_ = true;
      }
      changed_.notify_one();
      device.Rest(RestAfter(busy, burst.end - busy_.front().begin, options_.target_utilisation));
    }
    return absl::OkStatus();
  });
}

void PacedLoad::BeginPass() {
  mark_status_.Update(CatchTorch([this]() -> absl::Status {
    options_.device->Mark();
    return absl::OkStatus();
  }));
}

void PacedLoad::EndPass() { BeginPass(); }

// Marks come in pairs.
absl::StatusOr<std::vector<Interval>> PacedLoad::Passes() {
  if (!mark_status_.ok()) return mark_status_;
  return CatchTorch([this]() -> absl::StatusOr<std::vector<Interval>> {
    const std::vector<double> marks = options_.device->Marks();
    std::vector<Interval> passes;
    for (size_t i = 0; i + 1 < marks.size(); i += 2) passes.push_back({marks[i], marks[i + 1]});
    return passes;
  });
}

absl::StatusOr<schema::BackgroundLoad> PacedLoad::Finish() {
  Stop();
  if (!worker_status_.ok()) return OfLoad(worker_status_);
  const absl::StatusOr<std::vector<Interval>> passes = Passes();
  if (!passes.ok()) return OfLoad(passes.status());
  Coverage coverage;
  double wall = 0;
  if (!passes->empty()) {
    wall = passes->back().end - passes->front().begin;
    coverage = CoverageOf(busy_, passes->front().begin, passes->back().end);
  }
  auto result = ReportOverlap(busy_, ToStore(busy_), *passes,
                              coverage.intervals * options_.products_per_burst);
  if (!result.ok()) return result;
  result->set_kernel(options_.kernel);
  result->set_workers(1);
  result->set_target_utilisation(options_.target_utilisation);
  result->set_utilisation(coverage.seconds / wall);
  return result;
}

}  // namespace forensics::runner
