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
template <size_t kCount>
struct LaneBits {
  typedef int64_t Type __attribute__((vector_size(kCount * sizeof(int64_t))));
};

// The vectors that each instruction set has. GCC keeps wider ones in memory, lane by lane: code
// whose lanes never meet takes these, and leaves the same bits.
typedef double LanesOfBaseline __attribute__((vector_size(2 * sizeof(double))));
typedef double LanesOfAvx2 __attribute__((vector_size(4 * sizeof(double))));
using LanesOfAvx512 = Lanes;

// How many of them are eight lanes, or pairs of them a LanePair: a kernel's passes.
template <typename Vector>
inline constexpr size_t kPartsOf = sizeof(Lanes) / sizeof(Vector);

// Two vectors of series: each step of one hides the time that the other's takes. It may be a part
// of a pair of wider ones.
template <typename Vector>
struct [[gnu::may_alias]] alignas(sizeof(Vector)) PairOf {
  Vector first;
  Vector second;
};

// Sixteen series.
using LanePair = PairOf<Lanes>;

inline constexpr size_t kPairLanes = 2 * kLanes;

#define FORENSICS_OPERATOR(op)                                                                    \
  template <typename Vector>                                                                      \
  FORENSICS_INLINE PairOf<Vector> operator op(const PairOf<Vector>& a, const PairOf<Vector>& b) { \
    return {a.first op b.first, a.second op b.second};                                            \
  }                                                                                               \
  template <typename Vector>                                                                      \
  FORENSICS_INLINE PairOf<Vector> operator op(const PairOf<Vector>& a, double b) {                \
    return {a.first op b, a.second op b};                                                         \
  }                                                                                               \
  template <typename Vector>                                                                      \
  FORENSICS_INLINE PairOf<Vector> operator op(double a, const PairOf<Vector>& b) {                \
    return {a op b.first, a op b.second};                                                         \
  }                                                                                               \
  template <typename Vector>                                                                      \
  FORENSICS_INLINE PairOf<Vector>& operator op##=(PairOf<Vector>& a, const PairOf<Vector>& b) {   \
    return a = a op b;                                                                            \
  }                                                                                               \
  template <typename Vector>                                                                      \
  FORENSICS_INLINE PairOf<Vector>& operator op##=(PairOf<Vector>& a, double b) {                  \
    return a = a op b;                                                                            \
  }
FORENSICS_OPERATOR(+)
FORENSICS_OPERATOR(-)
FORENSICS_OPERATOR(*)
FORENSICS_OPERATOR(/)
#undef FORENSICS_OPERATOR

// What follows is for code that is written once for a double, for lanes and for pairs of them; it
// changes its first argument, as functions do not return lanes.

// Replaces by the square root.
inline void TakeRoot(double& value) { value = std::sqrt(value); }

template <typename Vector>
FORENSICS_INLINE void TakeRoot(Vector& values) {
  for (size_t lane = 0; lane < sizeof(Vector) / sizeof(double); ++lane) {
    values[lane] = std::sqrt(values[lane]);
  }
}

template <typename Vector>
FORENSICS_INLINE void TakeRoot(PairOf<Vector>& values) {
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

template <typename Vector>
FORENSICS_INLINE void Clamp(PairOf<Vector>& value, double low, double high) {
  Clamp(value.first, low, high);
  Clamp(value.second, low, high);
}

// Sets `value` to 0 where `other` is 0.
template <typename Real>
FORENSICS_INLINE void ZeroWhereZero(Real& value, const Real& other) {
  value = other == 0.0 ? Real{} : value;
}

template <typename Vector>
FORENSICS_INLINE void ZeroWhereZero(PairOf<Vector>& value, const PairOf<Vector>& other) {
  ZeroWhereZero(value.first, other.first);
  ZeroWhereZero(value.second, other.second);
}

}  // namespace forensics::analyzer

#endif  // ANALYZER_LANES_LANES_H_
