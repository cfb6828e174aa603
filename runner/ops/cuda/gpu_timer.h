// The time that the GPU takes for a piece of work, by events.
#ifndef RUNNER_OPS_CUDA_GPU_TIMER_H_
#define RUNNER_OPS_CUDA_GPU_TIMER_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <vector>

namespace forensics::runner {

// Seconds a call of f(i), which enqueues work: the median of five series of `calls` with i = 0, 1,
// ..., after one that does not count. The GPU is kept busy with something else until a series is
// enqueued, so that it never waits for the host.
template <typename F>
double GpuSeconds(int calls, const F& f) {
  const c10::impl::VirtualGuardImpl guard(c10::kCUDA);
  const c10::Stream stream = guard.getStream(guard.getDevice());
  const at::Tensor busy =
      at::empty({int64_t{2} << 30}, at::TensorOptions(at::kCUDA).dtype(at::kByte));
  std::vector<double> seconds;
  for (int series = 0; series < 6; ++series) {
    c10::Event begin(c10::kCUDA, c10::EventFlag::BACKEND_DEFAULT);
    c10::Event end(c10::kCUDA, c10::EventFlag::BACKEND_DEFAULT);
    for (int i = 0; i < 4; ++i) busy.fill_(i);
    begin.record(stream);
    for (int i = 0; i < calls; ++i) f(i);
    end.record(stream);
    end.synchronize();
    if (series > 0) seconds.push_back(begin.elapsedTime(end) * 1e-3 / calls);
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_GPU_TIMER_H_
