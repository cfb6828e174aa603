#include "analyzer/comparison/vector_sums.h"

#include <algorithm>
#include <cstddef>

#include "analyzer/comparison/compensated_sum.h"
#include "analyzer/lanes/float_lanes.h"
#include "analyzer/lanes/instruction_sets.h"

namespace forensics::analyzer {
namespace {

// CompensatedSum, one a lane.
struct LaneSums {
  Lanes sum = {};
  Lanes error = {};

  FORENSICS_INLINE void Add(const Lanes& term) {
    const Lanes next = sum + term;
    const Lanes added = next - sum;
    error += (sum - (next - added)) + (term - added);
    sum = next;
  }

  FORENSICS_INLINE double Total() const {
    CompensatedSum total;
    for (size_t lane = 0; lane < kLanes; ++lane) total.Add(sum[lane]);
    for (size_t lane = 0; lane < kLanes; ++lane) total.Add(error[lane]);
    return total.Total();
  }
};

struct PairSums {
  LaneSums squares_a, squares_b, squares_delta, products;
  Lanes largest = {};

  FORENSICS_INLINE void Add(const Lanes& x, const Lanes& y) {
    const Lanes delta = x - y;
    const Lanes absolute = delta < 0.0 ? -delta : delta;
    largest = absolute > largest ? absolute : largest;
    squares_a.Add(x * x);
    squares_b.Add(y * y);
    squares_delta.Add(delta * delta);
    products.Add(x * y);
  }

  // Of `size` elements, whole steps.
  FORENSICS_INLINE void Add(const float* a, const float* b, size_t size) {
    for (size_t i = 0; i < size; i += kPairLanes) {
      LanePair x, y;
      LoadLanes(a + i, x);
      LoadLanes(b + i, y);
      Add(x.first, y.first);
      Add(x.second, y.second);
    }
  }
};

FORENSICS_INLINE void AddUpInline(absl::Span<const float> a, absl::Span<const float> b,
                                  VectorSums& sums) {
  PairSums lanes;
  lanes.Add(a.data(), b.data(), a.size() / kPairLanes * kPairLanes);
  lanes.Add(LaneRest(a).elements, LaneRest(b).elements, kPairLanes);
  sums = {lanes.squares_a.Total(), lanes.squares_b.Total(), lanes.squares_delta.Total(),
          lanes.products.Total(), 0};
  for (size_t lane = 0; lane < kLanes; ++lane) {
    sums.largest_delta = std::max(sums.largest_delta, lanes.largest[lane]);
  }
}

FORENSICS_INLINE void AddSquares(const float* values, size_t size, LaneSums& squares) {
  for (size_t i = 0; i < size; i += kPairLanes) {
    LanePair x;
    LoadLanes(values + i, x);
    squares.Add(x.first * x.first);
    squares.Add(x.second * x.second);
  }
}

FORENSICS_INLINE void SquareInline(absl::Span<const float> values, double& sum) {
  LaneSums squares;
  AddSquares(values.data(), values.size() / kPairLanes * kPairLanes, squares);
  AddSquares(LaneRest(values).elements, kPairLanes, squares);
  sum = squares.Total();
}

// The same two functions for each instruction set.
#define FORENSICS_KERNELS(Suffix, attributes)                                         \
  attributes void AddUp##Suffix(absl::Span<const float> a, absl::Span<const float> b, \
                                VectorSums& sums) {                                   \
    AddUpInline(a, b, sums);                                                          \
  }                                                                                   \
  attributes void Square##Suffix(absl::Span<const float> values, double& sum) {       \
    SquareInline(values, sum);                                                        \
  }
FORENSICS_FOR_EACH_INSTRUCTION_SET(FORENSICS_KERNELS)
#undef FORENSICS_KERNELS

struct Kernels {
  void (*add_up)(absl::Span<const float> a, absl::Span<const float> b, VectorSums& sums);
  void (*square)(absl::Span<const float> values, double& sum);
};

const Kernels& Best() {
  static const Kernels best =
      ForThisProcessor(Kernels{AddUpBaseline, SquareBaseline}, Kernels{AddUpAvx2, SquareAvx2},
                       Kernels{AddUpAvx512, SquareAvx512});
  return best;
}

}  // namespace

VectorSums AddUp(absl::Span<const float> a, absl::Span<const float> b) {
  VectorSums sums;
  Best().add_up(a, b, sums);
  return sums;
}

double SumOfSquares(absl::Span<const float> values) {
  double sum;
  Best().square(values, sum);
  return sum;
}

}  // namespace forensics::analyzer
