// float32 numbers as their patterns.
#ifndef RUNNER_OPS_TENSOR_CORE_FLOAT_BITS_H_
#define RUNNER_OPS_TENSOR_CORE_FLOAT_BITS_H_

#include <cstdint>
#include <cstring>

namespace forensics::runner {

inline uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float FloatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_FLOAT_BITS_H_
