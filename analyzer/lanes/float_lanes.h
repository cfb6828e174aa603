// Sixteen float32 of a vector as float64, in two times eight lanes.
#ifndef ANALYZER_LANES_FLOAT_LANES_H_
#define ANALYZER_LANES_FLOAT_LANES_H_

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/types/span.h"
#include "analyzer/lanes/lanes.h"

namespace forensics::analyzer {

// GCC widens sixteen floats by two conversions, eight of them by two halves that it then joins.
FORENSICS_INLINE void LoadLanes(const float* values, LanePair& lanes) {
  typedef float Floats __attribute__((vector_size(kPairLanes * sizeof(float))));
  typedef double Doubles __attribute__((vector_size(kPairLanes * sizeof(double))));
  Floats floats;
  std::memcpy(&floats, values, sizeof(floats));
  const Doubles doubles = __builtin_convertvector(floats, Doubles);
  static_assert(sizeof(lanes) == sizeof(doubles));
  std::memcpy(&lanes, &doubles, sizeof(lanes));
}

// What is left of a vector behind its last whole step, and zeros, which change no sum.
struct LaneRest {
  explicit LaneRest(absl::Span<const float> values) {
    const size_t begin = values.size() / kPairLanes * kPairLanes;
    std::copy(values.begin() + static_cast<std::ptrdiff_t>(begin), values.end(), elements);
  }
  float elements[kPairLanes] = {};
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_LANES_FLOAT_LANES_H_
