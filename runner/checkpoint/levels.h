// The values that 4-bit weights can take. Users are compiled with OpenMP, for its simd loops.
#ifndef RUNNER_CHECKPOINT_LEVELS_H_
#define RUNNER_CHECKPOINT_LEVELS_H_

#include <c10/util/BFloat16.h>

#include <cstdint>

#include "runner/checkpoint/packed_weight.h"

namespace forensics::runner {

// The sixteen values that the weights of one group can take.
template <typename T>
struct Levels {
  alignas(64) T of_nibble[kLevels];
};

// Rounds exact values once to T.
template <typename T>
void RoundLevels(const Levels<float>& exact, T* levels) {
#pragma omp simd
  for (int q = 0; q < kLevels; ++q) levels[q] = static_cast<T>(exact.of_nibble[q]);
}

// As static_cast<at::BFloat16>, to nearest even, but without a branch: 0x7fc0 is its NaN.
inline void RoundLevels(const Levels<float>& exact, at::BFloat16* levels) {
#pragma omp simd
  for (int q = 0; q < kLevels; ++q) {
    const uint32_t bits = c10::detail::fp32_to_bits(exact.of_nibble[q]);
    const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    levels[q].x = static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
  }
}

// levels[q] = (q - zero) * scale in float32, where it is exact for 16-bit scales, rounded once to
// T.
template <typename T>
void FillLevels(float scale, int zero, T* levels) {
  Levels<float> exact;
#pragma omp simd
  for (int q = 0; q < kLevels; ++q) exact.of_nibble[q] = static_cast<float>(q - zero) * scale;
  RoundLevels(exact, levels);
}

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_LEVELS_H_
