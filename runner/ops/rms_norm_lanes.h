// One row of RMSNorm, shared by the kernels that fuse it with something else.
#ifndef RUNNER_OPS_RMS_NORM_LANES_H_
#define RUNNER_OPS_RMS_NORM_LANES_H_

#include <cmath>

#include "runner/ops/lanes.h"

namespace forensics::runner {

// out[i] = weight[i] * T(x[i] / sqrt(mean(x^2) + eps)), rounded to T; out may be x.
template <typename T>
FORENSICS_INLINE void NormaliseRow(const T* x, const T* weight, int64_t width, float eps, T* out) {
  const int64_t whole = width / kLanes * kLanes;
  Lanes squares{};
  for (int64_t i = 0; i < whole; i += kLanes) {
    const Lanes value = LoadLanes(x + i);
    squares += value * value;
  }
  const Lanes rest = LoadSomeLanes(x + whole, width - whole);
  squares += rest * rest;
  const float scale = 1.0f / std::sqrt(SumLanes(squares) / static_cast<float>(width) + eps);
  for (int64_t i = 0; i < whole; i += kLanes) {
    StoreLanes(RoundLanes<T>(LoadLanes(x + i) * scale) * LoadLanes(weight + i), out + i);
  }
  const Lanes tail = RoundLanes<T>(rest * scale) * LoadSomeLanes(weight + whole, width - whole);
  StoreSomeLanes(tail, out + whole, width - whole);
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_RMS_NORM_LANES_H_
