#include "runner/engine/processor_load.h"

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runner/ops/serial_product.h"

namespace forensics::runner {
namespace {

constexpr int64_t kSize = 256;  // three matrices of 256 KiB: beyond a core's first cache

std::function<void()> NewProduct() {
  struct Buffers {
    std::vector<float> a = std::vector<float>(kSize * kSize, 0.5f);
    std::vector<float> b = std::vector<float>(kSize * kSize, 0.25f);
    std::vector<float> c = std::vector<float>(kSize * kSize);
  };
  auto buffers = std::make_shared<Buffers>();
  return
      [buffers] { SerialProduct(buffers->a.data(), buffers->b.data(), kSize, buffers->c.data()); };
}

double MonotonicSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double CpuSeconds(pthread_t thread) {
  clockid_t clock;
  timespec time;
  if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &time) != 0) return 0;
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

struct ProcessorLoad::Worker {
  std::function<void()> product;
  std::atomic<int64_t> products{0};
  std::atomic<bool> stop{false};
  BusyIntervals busy;  // the worker's own until it has ended
  std::thread thread;

  void Run(const std::function<double()>& clock) {
    while (!stop.load(std::memory_order_relaxed)) {
      const double begin = clock();
      product();
      busy.Add({begin, clock()});
      products.fetch_add(1, std::memory_order_release);
    }
  }
};

LoadOptions HalfOfThisMachine() {
  LoadOptions options;
  options.processors = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  options.workers = std::max(1, options.processors / 2);
  options.kernel =
      absl::StrCat("matrix product ", kSize, " x ", kSize, " x ", kSize, ", float32, one thread");
  options.new_product = NewProduct;
  options.clock = MonotonicSeconds;
  return options;
}

std::string DescribeLoad(const LoadOptions& options) {
  return absl::StrCat(options.workers, options.workers == 1 ? " worker of " : " workers of ",
                      options.processors, " processors: ", options.kernel);
}

ProcessorLoad::ProcessorLoad(LoadOptions options) : options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<BackgroundLoad>> ProcessorLoad::Start(LoadOptions options) {
  auto load = std::unique_ptr<ProcessorLoad>(new ProcessorLoad(std::move(options)));
  for (int i = 0; i < load->options_.workers; ++i) {
    auto worker = std::make_unique<Worker>();
    worker->product = load->options_.new_product();
    try {
      worker->thread = std::thread(&Worker::Run, worker.get(), load->options_.clock);
    } catch (const std::system_error& error) {
      return absl::ResourceExhaustedError(absl::StrCat("background load: worker ", i + 1, " of ",
                                                       load->options_.workers, ": ", error.what()));
    }
    load->workers_.push_back(std::move(worker));
  }
  for (const auto& worker : load->workers_) {
    while (worker->products.load(std::memory_order_acquire) == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }
  return load;
}

ProcessorLoad::~ProcessorLoad() { Stop(); }

void ProcessorLoad::Stop() {
  for (const auto& worker : workers_) worker->stop = true;
  for (const auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
  }
}

ProcessorLoad::Progress ProcessorLoad::Sum() const {
  Progress sum;
  for (const auto& worker : workers_) {
    sum.cpu_seconds += CpuSeconds(worker->thread.native_handle());
    sum.products += worker->products.load(std::memory_order_relaxed);
  }
  return sum;
}

void ProcessorLoad::BeginPass() {
  if (passes_.empty()) first_ = Sum();
  passes_.push_back({options_.clock(), 0});
}

void ProcessorLoad::EndPass() {
  last_ = Sum();  // first: a pause between the two must not add to what was used
  passes_.back().end = options_.clock();
}

absl::StatusOr<schema::BackgroundLoad> ProcessorLoad::Finish() {
  Stop();
  std::vector<Interval> all;
  for (const auto& worker : workers_) {
    all.insert(all.end(), worker->busy.intervals().begin(), worker->busy.intervals().end());
  }
  const std::vector<Interval> busy = UnionOf(std::move(all));
  auto result = ReportOverlap(busy, busy, passes_, last_.products - first_.products);
  if (!result.ok()) return result;
  result->set_kernel(options_.kernel);
  result->set_workers(options_.workers);
  result->set_target_utilisation(static_cast<double>(options_.workers) / options_.processors);
  const double wall = passes_.back().end - passes_.front().begin;
  result->set_utilisation((last_.cpu_seconds - first_.cpu_seconds) / (wall * options_.processors));
  return result;
}

}  // namespace forensics::runner
