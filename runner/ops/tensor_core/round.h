// Rounding of float32 to 16 bits as Hopper GPUs do (PTX: cvt.rn).
#ifndef RUNNER_OPS_TENSOR_CORE_ROUND_H_
#define RUNNER_OPS_TENSOR_CORE_ROUND_H_

#include <cmath>
#include <cstdint>
#include <cstring>

#include "runner/ops/tensor_core/dot_add.h"

namespace forensics::runner {

// To nearest, ties to even; infinite beyond the largest number; NaN becomes 0x7fff.
inline uint16_t Round(InputFormat format, float value) {
  if (std::isnan(value)) return 0x7fff;
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if (format == InputFormat::kBfloat16) {
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  }
  const uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);
  if (magnitude < 0x38800000) {  // subnormal: in units of 2^-24
    return static_cast<uint16_t>(sign |
                                 static_cast<uint32_t>(std::lrint(std::fabs(value) * 0x1p24f)));
  }
  const uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return static_cast<uint16_t>(sign | (rounded - 0x38000000) >> 13);
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_ROUND_H_
