#include "analyzer/comparison/vector_sums.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "analyzer/comparison/compensated_sum.h"

namespace forensics::analyzer {
namespace {

constexpr size_t kLanes = 8;
typedef double Lanes __attribute__((vector_size(kLanes * sizeof(double))));
typedef float Floats __attribute__((vector_size(kLanes * sizeof(float))));

// What is inlined into a function is compiled for that function's instruction set.
#define FORENSICS_INLINE __attribute__((always_inline)) inline

// The elements from `i` on; zeros, which change no sum, behind the end.
FORENSICS_INLINE void Load(absl::Span<const float> values, size_t i, Lanes& lanes) {
  Floats floats = {};
  if (i + kLanes <= values.size()) {
    std::memcpy(&floats, &values[i], sizeof(floats));
  } else if (i < values.size()) {
    std::memcpy(&floats, &values[i], (values.size() - i) * sizeof(float));
  }
  lanes = __builtin_convertvector(floats, Lanes);
}

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

FORENSICS_INLINE void AddUpInline(absl::Span<const float> a, absl::Span<const float> b,
                                  VectorSums& sums) {
  LaneSums squares_a, squares_b, squares_delta, products;
  Lanes largest = {};
  for (size_t i = 0; i < a.size(); i += kLanes) {
    Lanes x, y;
    Load(a, i, x);
    Load(b, i, y);
    const Lanes delta = x - y;
    const Lanes absolute = delta < 0.0 ? -delta : delta;
    largest = absolute > largest ? absolute : largest;
    squares_a.Add(x * x);
    squares_b.Add(y * y);
    squares_delta.Add(delta * delta);
    products.Add(x * y);
  }
  sums = {squares_a.Total(), squares_b.Total(), squares_delta.Total(), products.Total(), 0};
  for (size_t lane = 0; lane < kLanes; ++lane) {
    sums.largest_delta = std::max(sums.largest_delta, largest[lane]);
  }
}

FORENSICS_INLINE void SquareInline(absl::Span<const float> values, double& sum) {
  LaneSums squares;
  for (size_t i = 0; i < values.size(); i += kLanes) {
    Lanes x;
    Load(values, i, x);
    squares.Add(x * x);
  }
  sum = squares.Total();
}

FORENSICS_INLINE void DistanceInline(absl::Span<const float> a, absl::Span<const float> b,
                                     double& sum) {
  Lanes sums[2] = {};
  for (size_t i = 0; i < a.size(); i += 2 * kLanes) {
    for (size_t half = 0; half < 2; ++half) {
      Lanes x, y;
      Load(a, i + half * kLanes, x);
      Load(b, i + half * kLanes, y);
      sums[half] += (x - y) * (x - y);
    }
  }
  const Lanes both = sums[0] + sums[1];
  sum = ((both[0] + both[4]) + (both[2] + both[6])) + ((both[1] + both[5]) + (both[3] + both[7]));
}

// The same three functions for each instruction set.
#define FORENSICS_KERNELS(Suffix, attributes)                                            \
  attributes void AddUp##Suffix(absl::Span<const float> a, absl::Span<const float> b,    \
                                VectorSums& sums) {                                      \
    AddUpInline(a, b, sums);                                                             \
  }                                                                                      \
  attributes void Square##Suffix(absl::Span<const float> values, double& sum) {          \
    SquareInline(values, sum);                                                           \
  }                                                                                      \
  attributes void Distance##Suffix(absl::Span<const float> a, absl::Span<const float> b, \
                                   double& sum) {                                        \
    DistanceInline(a, b, sum);                                                           \
  }
FORENSICS_KERNELS(Baseline, )
FORENSICS_KERNELS(Avx2, __attribute__((target("avx2"))))
FORENSICS_KERNELS(Avx512, __attribute__((target("avx512f"))))
#undef FORENSICS_KERNELS
#undef FORENSICS_INLINE

struct Kernels {
  void (*add_up)(absl::Span<const float> a, absl::Span<const float> b, VectorSums& sums);
  void (*square)(absl::Span<const float> values, double& sum);
  void (*distance)(absl::Span<const float> a, absl::Span<const float> b, double& sum);
};

const Kernels& Best() {
  static const Kernels best =
      __builtin_cpu_supports("avx512f") ? Kernels{AddUpAvx512, SquareAvx512, DistanceAvx512}
      : __builtin_cpu_supports("avx2")  ? Kernels{AddUpAvx2, SquareAvx2, DistanceAvx2}
                                        : Kernels{AddUpBaseline, SquareBaseline, DistanceBaseline};
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

double SquaredDistance(absl::Span<const float> a, absl::Span<const float> b) {
  double sum;
  Best().distance(a, b, sum);
  return sum;
}

}  // namespace forensics::analyzer
