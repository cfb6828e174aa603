// Sixteen float32 of a vector as float64, in two times eight lanes.
#ifndef ANALYZER_COMPARISON_FLOAT_LANES_H_
#define ANALYZER_COMPARISON_FLOAT_LANES_H_

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/types/span.h"

namespace forensics::analyzer {

inline constexpr size_t kFloatLanes = 8;
typedef double FloatLanes __attribute__((vector_size(kFloatLanes * sizeof(double))));

// So many elements are taken at once.
inline constexpr size_t kLaneStep = 2 * kFloatLanes;

struct alignas(sizeof(FloatLanes)) FloatLanePair {
  FloatLanes first;
  FloatLanes second;
};

// What is inlined into a function is compiled for that function's instruction set.
#define FORENSICS_INLINE __attribute__((always_inline)) inline

// GCC widens sixteen floats by two conversions, eight of them by two halves that it then joins.
FORENSICS_INLINE void LoadLanes(const float* values, FloatLanePair& lanes) {
  typedef float Floats __attribute__((vector_size(kLaneStep * sizeof(float))));
  typedef double Doubles __attribute__((vector_size(kLaneStep * sizeof(double))));
  Floats floats;
  std::memcpy(&floats, values, sizeof(floats));
  const Doubles doubles = __builtin_convertvector(floats, Doubles);
  static_assert(sizeof(lanes) == sizeof(doubles));
  std::memcpy(&lanes, &doubles, sizeof(lanes));
}

// What is left of a vector behind its last whole step, and zeros, which change no sum.
struct LaneRest {
  explicit LaneRest(absl::Span<const float> values) {
    const size_t begin = values.size() / kLaneStep * kLaneStep;
    std::copy(values.begin() + static_cast<std::ptrdiff_t>(begin), values.end(), elements);
  }
  float elements[kLaneStep] = {};
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_FLOAT_LANES_H_
