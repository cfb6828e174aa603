// Sums over a warp in the GPU kernels' order (runner/ops/cuda/warp.cuh).
#ifndef RUNNER_OPS_EMULATED_WARP_H_
#define RUNNER_OPS_EMULATED_WARP_H_

#include <array>

namespace forensics::runner {

constexpr int kWarp = 32;

// Rounds of v += v of lane ^ n, n = lanes / 2 ... 2, 1; the same in each lane. `lanes` is a power
// of two; `values` is used up.
inline float ButterflySum(float* values, int lanes) {
  for (int n = lanes / 2; n > 0; n /= 2) {
    for (int lane = 0; lane < n; ++lane) values[lane] += values[lane + n];
  }
  return values[0];
}

inline float WarpSum(std::array<float, kWarp> values) { return ButterflySum(values.data(), kWarp); }

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EMULATED_WARP_H_
