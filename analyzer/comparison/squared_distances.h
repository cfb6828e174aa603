// Squared distances of vectors in plain float64: what attribution needs of thousands of pairs.
#ifndef ANALYZER_COMPARISON_SQUARED_DISTANCES_H_
#define ANALYZER_COMPARISON_SQUARED_DISTANCES_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/lanes/float_lanes.h"

namespace forensics::analyzer {

// The sum of (a - b)^2, element i in lane i modulo 16, so that it has the same bits on every
// instruction set. `a` and `b` have the same length. Not finite if an element of either is not.
double SquaredDistance(absl::Span<const float> a, absl::Span<const float> b);

// The same, bit for bit, of many pairs of a few vectors, in half the time: each vector is made
// float64 once, not once a pair, and then lies in a core's cache.
class SquaredDistances {
 public:
  using Pair = std::pair<size_t, size_t>;  // indexes of vectors of the same length

  // By pair; until the next call.
  absl::Span<const double> Of(absl::Span<const absl::Span<const float>> vectors,
                              absl::Span<const Pair> pairs);

 private:
  // Adds the squares of elements from `begin` on, at most a piece.
  void AddPiece(absl::Span<const absl::Span<const float>> vectors, absl::Span<const Pair> pairs,
                size_t begin);

  std::vector<LanePair> wide_;  // a piece of each vector: [vector, step]
  std::vector<LanePair> sums_;  // by pair
  std::vector<double> totals_;  // by pair
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_SQUARED_DISTANCES_H_
