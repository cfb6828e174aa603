// bfloat16 patterns and float32, as the GPU's kernels widen and round them.
#ifndef RUNNER_OPS_EMULATED_BFLOAT16_H_
#define RUNNER_OPS_EMULATED_BFLOAT16_H_

#include <cstdint>

#include "runner/ops/tensor_core/float_bits.h"
#include "runner/ops/tensor_core/round.h"

namespace forensics::runner {

inline float Widen(uint16_t bits) { return FloatOf(static_cast<uint32_t>(bits) << 16); }

// To the nearest, ties to even; NaN becomes the GPU's one.
inline uint16_t ToBfloat16(float value) { return Round(InputFormat::kBfloat16, value); }

// What a value becomes when it is stored as bfloat16 and read back.
inline float Rounded(float value) { return Widen(ToBfloat16(value)); }

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EMULATED_BFLOAT16_H_
