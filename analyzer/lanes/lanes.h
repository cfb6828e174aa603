// Eight float64 at once, and two times eight: of a vector, or of series that go through the same
// operations.
#ifndef ANALYZER_LANES_LANES_H_
#define ANALYZER_LANES_LANES_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "analyzer/lanes/instruction_sets.h"

namespace forensics::analyzer {

inline constexpr size_t kLanes = 8;

// GCC's and Clang's vectors: each operation is IEEE's on each lane, and a lane has the bits that a
// double would have, on every instruction set.
// They lie at multiples of their size.
typedef double Lanes __attribute__((vector_size(kLanes * sizeof(double))));
typedef int64_t LaneBits __attribute__((vector_size(kLanes * sizeof(int64_t))));

// Sixteen series: each step of one eight hides the time that the other's takes.
struct alignas(sizeof(Lanes)) LanePair {
  Lanes first;
  Lanes second;
};

inline constexpr size_t kPairLanes = 2 * kLanes;

#define FORENSICS_OPERATOR(op)                                                                     \
  FORENSICS_INLINE LanePair operator op(const LanePair& a, const LanePair& b) {                    \
    return {a.first op b.first, a.second op b.second};                                             \
  }                                                                                                \
  FORENSICS_INLINE LanePair operator op(const LanePair& a, double b) {                             \
    return {a.first op b, a.second op b};                                                          \
  }                                                                                                \
  FORENSICS_INLINE LanePair operator op(double a, const LanePair& b) {                             \
    return {a op b.first, a op b.second};                                                          \
  }                                                                                                \
  FORENSICS_INLINE LanePair& operator op##=(LanePair& a, const LanePair& b) { return a = a op b; } \
  FORENSICS_INLINE LanePair& operator op##=(LanePair& a, double b) { return a = a op b; }
FORENSICS_OPERATOR(+)
FORENSICS_OPERATOR(-)
FORENSICS_OPERATOR(*)
FORENSICS_OPERATOR(/)
#undef FORENSICS_OPERATOR

// What follows is for code that is written once for a double, for lanes and for pairs of them; it
// changes its first argument, as functions do not return lanes.

// Replaces by the square root.
inline void TakeRoot(double& value) { value = std::sqrt(value); }

FORENSICS_INLINE void TakeRoot(Lanes& values) {
  for (size_t lane = 0; lane < kLanes; ++lane) values[lane] = std::sqrt(values[lane]);
}

FORENSICS_INLINE void TakeRoot(LanePair& values) {
  TakeRoot(values.first);
  TakeRoot(values.second);
}

// Replaces values below `low` and above `high`.
template <typename Real>
FORENSICS_INLINE void Clamp(Real& value, double low, double high) {
  const Real lowest = Real{} + low;
  const Real highest = Real{} + high;
  value = value < lowest ? lowest : (highest < value ? highest : value);
}

FORENSICS_INLINE void Clamp(LanePair& value, double low, double high) {
  Clamp(value.first, low, high);
  Clamp(value.second, low, high);
}

// Sets `value` to 0 where `other` is 0.
template <typename Real>
FORENSICS_INLINE void ZeroWhereZero(Real& value, const Real& other) {
  value = other == 0.0 ? Real{} : value;
}

FORENSICS_INLINE void ZeroWhereZero(LanePair& value, const LanePair& other) {
  ZeroWhereZero(value.first, other.first);
  ZeroWhereZero(value.second, other.second);
}

}  // namespace forensics::analyzer

#endif  // ANALYZER_LANES_LANES_H_
