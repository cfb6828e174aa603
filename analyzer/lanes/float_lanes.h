// Sixteen float32 of a vector as float64, in two times eight lanes.
#ifndef ANALYZER_LANES_FLOAT_LANES_H_
#define ANALYZER_LANES_FLOAT_LANES_H_

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "absl/types/span.h"
#include "analyzer/lanes/lanes.h"

namespace forensics::analyzer {

template <size_t kCount>
struct FloatsOf {
  typedef float Type __attribute__((vector_size(kCount * sizeof(float))));
};

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

// Of sixteen elements the lanes that a part of eight lanes has: those from `part` times a Vector's
// lanes on, of either eight.
template <typename Vector>
FORENSICS_INLINE void LoadPart(const float* values, size_t part, PairOf<Vector>& lanes) {
  constexpr size_t kWidth = sizeof(Vector) / sizeof(double);
  using Floats = typename FloatsOf<kWidth>::Type;
  Floats first, second;
  std::memcpy(&first, values + part * kWidth, sizeof(first));
  std::memcpy(&second, values + kLanes + part * kWidth, sizeof(second));
  lanes.first = __builtin_convertvector(first, Vector);
  lanes.second = __builtin_convertvector(second, Vector);
}

FORENSICS_INLINE void LoadPart(const float* values, size_t, LanePair& lanes) {
  LoadLanes(values, lanes);
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
