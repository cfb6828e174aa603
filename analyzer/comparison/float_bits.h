// float32 numbers as their patterns.
#ifndef ANALYZER_COMPARISON_FLOAT_BITS_H_
#define ANALYZER_COMPARISON_FLOAT_BITS_H_

#include <cstdint>
#include <cstring>

namespace forensics::analyzer {

inline uint32_t Bits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_FLOAT_BITS_H_
