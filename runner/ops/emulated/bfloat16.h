// bfloat16 patterns and float32, as the GPU's kernels widen and round them.
#ifndef RUNNER_OPS_EMULATED_BFLOAT16_H_
#define RUNNER_OPS_EMULATED_BFLOAT16_H_

#include <cstdint>
#include <cstring>

namespace forensics::runner {

inline float Widen(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

// To the nearest, ties to even; NaN becomes the GPU's one.
inline uint16_t ToBfloat16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fff;
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// What a value becomes when it is stored as bfloat16 and read back.
inline float Rounded(float value) { return Widen(ToBfloat16(value)); }

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EMULATED_BFLOAT16_H_
