#include "runner/engine/gpu_load.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/remainder.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runner/engine/paced_load.h"
#include "runner/engine/torch_errors.h"

namespace forensics::runner {
namespace {

constexpr int64_t kSize = 4096;
constexpr int kProductsPerBurst = 4;
constexpr double kTarget = 0.5;

std::string Kernel() {
  return absl::StrCat("bursts of ", kProductsPerBurst, " matrix products ", kSize, " x ", kSize,
                      " x ", kSize, ", bfloat16");
}

// An event that knows its time.
c10::Event NewEvent() { return c10::Event(c10::kCUDA, c10::EventFlag::BACKEND_DEFAULT); }

class SecondStream : public LoadDevice {
 public:
  // `device` is the GPU's and the current thread's.
  explicit SecondStream(c10::Device device) : device_(device), origin_(NewEvent()) {
    origin_.record(guard_.getStream(device_));
    origin_.synchronize();
  }

  void PrepareWorker() override {
    guard_.setDevice(device_);
    guard_.exchangeStream(guard_.getStreamFromGlobalPool(device_));  // this thread's until it ends
    // Values of all magnitudes below 1; equal ones would take less power than real work.
    const at::Tensor values =
        at::remainder(at::arange(kSize * kSize, at::TensorOptions(device_).dtype(at::kFloat)), 61);
    a_ = (values / 61).to(at::kBFloat16).view({kSize, kSize});
    b_ = a_.t().contiguous();
    product_ = at::empty_like(a_);
  }

  Interval RunBurst() override {
    const at::NoGradGuard no_grad;
    const c10::Stream stream = guard_.getStream(device_);
    begin_.record(stream);
    for (int i = 0; i < kProductsPerBurst; ++i) at::mm_out(product_, a_, b_);
    end_.record(stream);
    // Waiting in libtorch would spin and take a processor from inference.
    while (!end_.query()) std::this_thread::sleep_for(std::chrono::microseconds(20));
    return {TimeOf(begin_), TimeOf(end_)};
  }

  void Rest(double seconds) override {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  }

  void Mark() override {
    marks_.push_back(NewEvent());
    marks_.back().record(guard_.getStream(device_));
  }

  std::vector<double> Marks() override {
    std::vector<double> times;
    for (const c10::Event& mark : marks_) {
      mark.synchronize();
      times.push_back(TimeOf(mark));
    }
    return times;
  }

 private:
  // Seconds since the origin; resolution about half a microsecond.
  double TimeOf(const c10::Event& event) const { return origin_.elapsedTime(event) / 1000; }

  const c10::impl::VirtualGuardImpl guard_{c10::kCUDA};
  const c10::Device device_;
  c10::Event origin_, begin_ = NewEvent(), end_ = NewEvent();
  at::Tensor a_, b_, product_;
  std::vector<c10::Event> marks_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BackgroundLoad>> StartGpuLoad() {
  PacedLoadOptions options;
  options.kernel = Kernel();
  options.target_utilisation = kTarget;
  options.products_per_burst = kProductsPerBurst;
  const absl::Status status = CatchTorch([&]() -> absl::Status {
    const c10::Device device = c10::impl::VirtualGuardImpl(c10::kCUDA).getDevice();
    options.device = std::make_unique<SecondStream>(device);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return PacedLoad::Start(std::move(options));
}

std::string DescribeGpuLoad() {
  return absl::StrCat("second stream, ", 100 * kTarget, "% of the time: ", Kernel());
}

}  // namespace forensics::runner
