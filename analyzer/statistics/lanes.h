// Eight float64 at once: eight series that the same operations go through.
#ifndef ANALYZER_STATISTICS_LANES_H_
#define ANALYZER_STATISTICS_LANES_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace forensics::analyzer {

inline constexpr size_t kLanes = 8;

// GCC's and Clang's vectors: each operation is IEEE's on each lane, and a lane has the bits that a
// double would have, on every instruction set.
// They lie at multiples of their size.
typedef double Lanes __attribute__((vector_size(kLanes * sizeof(double))));
typedef int64_t LaneBits __attribute__((vector_size(kLanes * sizeof(int64_t))));

// Replaces by the square root: for code that is written once for a double and for lanes.
inline void TakeRoot(double& value) { value = std::sqrt(value); }

__attribute__((always_inline)) inline void TakeRoot(Lanes& values) {
  for (size_t lane = 0; lane < kLanes; ++lane) values[lane] = std::sqrt(values[lane]);
}

}  // namespace forensics::analyzer

#endif  // ANALYZER_STATISTICS_LANES_H_
