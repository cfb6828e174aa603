#include "analyzer/comparison/vector_sums.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "analyzer/comparison/compensated_sum.h"
#include "analyzer/lanes/float_lanes.h"
#include "analyzer/lanes/instruction_sets.h"

namespace forensics::analyzer {
namespace {

// What eight lanes have added up; their total is the true sum, rounded once.
struct EightSums {
  double sums[kLanes];
  double errors[kLanes];

  double Total() const {
    CompensatedSum total;
    for (const double sum : sums) total.Add(sum);
    for (const double error : errors) total.Add(error);
    return total.Total();
  }
};

// CompensatedSum, one a lane.
template <typename Vector>
struct LaneSums {
  Vector sum = {};
  Vector error = {};

  FORENSICS_INLINE void Add(const Vector& term) {
    const Vector next = sum + term;
    const Vector added = next - sum;
    error += (sum - (next - added)) + (term - added);
    sum = next;
  }

  FORENSICS_INLINE void Put(size_t part, EightSums& all) const {
    std::memcpy(all.sums + part * (sizeof(Vector) / sizeof(double)), &sum, sizeof(sum));
    std::memcpy(all.errors + part * (sizeof(Vector) / sizeof(double)), &error, sizeof(error));
  }
};

template <typename Vector>
struct PairSums {
  LaneSums<Vector> squares_a, squares_b, squares_delta, products;
  Vector largest = {};

  FORENSICS_INLINE void Add(const Vector& x, const Vector& y) {
    const Vector delta = x - y;
    const Vector absolute = delta < 0.0 ? -delta : delta;
    largest = absolute > largest ? absolute : largest;
    squares_a.Add(x * x);
    squares_b.Add(y * y);
    squares_delta.Add(delta * delta);
    products.Add(x * y);
  }

  // The part's lanes of `size` elements, whole steps.
  FORENSICS_INLINE void Add(const float* a, const float* b, size_t size, size_t part) {
    for (size_t i = 0; i < size; i += kPairLanes) {
      PairOf<Vector> x, y;
      LoadPart(a + i, part, x);
      LoadPart(b + i, part, y);
      Add(x.first, y.first);
      Add(x.second, y.second);
    }
  }
};

template <typename Vector>
FORENSICS_INLINE void AddUpInline(absl::Span<const float> a, absl::Span<const float> b,
                                  VectorSums& sums) {
  EightSums squares_a, squares_b, squares_delta, products;
  const LaneRest rest_a(a), rest_b(b);
  double largest = 0;
  for (size_t part = 0; part < kPartsOf<Vector>; ++part) {
    PairSums<Vector> lanes;
    lanes.Add(a.data(), b.data(), a.size() / kPairLanes * kPairLanes, part);
    lanes.Add(rest_a.elements, rest_b.elements, kPairLanes, part);
    lanes.squares_a.Put(part, squares_a);
    lanes.squares_b.Put(part, squares_b);
    lanes.squares_delta.Put(part, squares_delta);
    lanes.products.Put(part, products);
    for (size_t lane = 0; lane < sizeof(Vector) / sizeof(double); ++lane) {
      largest = std::max(largest, lanes.largest[lane]);
    }
  }
  sums = {squares_a.Total(), squares_b.Total(), squares_delta.Total(), products.Total(), largest};
}

template <typename Vector>
FORENSICS_INLINE void AddSquares(const float* values, size_t size, size_t part,
                                 LaneSums<Vector>& squares) {
  for (size_t i = 0; i < size; i += kPairLanes) {
    PairOf<Vector> x;
    LoadPart(values + i, part, x);
    squares.Add(x.first * x.first);
    squares.Add(x.second * x.second);
  }
}

template <typename Vector>
FORENSICS_INLINE void SquareInline(absl::Span<const float> values, double& sum) {
  EightSums all;
  const LaneRest rest(values);
  for (size_t part = 0; part < kPartsOf<Vector>; ++part) {
    LaneSums<Vector> squares;
    AddSquares(values.data(), values.size() / kPairLanes * kPairLanes, part, squares);
    AddSquares(rest.elements, kPairLanes, part, squares);
    squares.Put(part, all);
  }
  sum = all.Total();
}

// The same two functions for each instruction set.
#define FORENSICS_KERNELS(Suffix, attributes)                                         \
  attributes void AddUp##Suffix(absl::Span<const float> a, absl::Span<const float> b, \
                                VectorSums& sums) {                                   \
    AddUpInline<LanesOf##Suffix>(a, b, sums);                                         \
  }                                                                                   \
  attributes void Square##Suffix(absl::Span<const float> values, double& sum) {       \
    SquareInline<LanesOf##Suffix>(values, sum);                                       \
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
