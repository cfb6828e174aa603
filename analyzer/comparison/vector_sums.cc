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

// So many elements are taken at once.
constexpr size_t kStep = 2 * kLanes;
typedef float Floats __attribute__((vector_size(kStep * sizeof(float))));
typedef double Doubles __attribute__((vector_size(kStep * sizeof(double))));

struct LanePair {
  Lanes first;
  Lanes second;
};

// What is inlined into a function is compiled for that function's instruction set.
#define FORENSICS_INLINE __attribute__((always_inline)) inline

// GCC widens sixteen floats by two conversions, eight of them by two halves that it then joins.
FORENSICS_INLINE void Load(const float* values, LanePair& lanes) {
  Floats floats;
  std::memcpy(&floats, values, sizeof(floats));
  const Doubles doubles = __builtin_convertvector(floats, Doubles);
  static_assert(sizeof(lanes) == sizeof(doubles));
  std::memcpy(&lanes, &doubles, sizeof(lanes));
}

// What is left of a vector behind its last whole step, and zeros, which change no sum.
struct Rest {
  explicit Rest(absl::Span<const float> values) {
    const size_t begin = values.size() / kStep * kStep;
    std::copy(values.begin() + static_cast<std::ptrdiff_t>(begin), values.end(), elements);
  }
  float elements[kStep] = {};
};

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
    for (size_t i = 0; i < size; i += kStep) {
      LanePair x, y;
      Load(a + i, x);
      Load(b + i, y);
      Add(x.first, y.first);
      Add(x.second, y.second);
    }
  }
};

FORENSICS_INLINE void AddUpInline(absl::Span<const float> a, absl::Span<const float> b,
                                  VectorSums& sums) {
  PairSums lanes;
  lanes.Add(a.data(), b.data(), a.size() / kStep * kStep);
  lanes.Add(Rest(a).elements, Rest(b).elements, kStep);
  sums = {lanes.squares_a.Total(), lanes.squares_b.Total(), lanes.squares_delta.Total(),
          lanes.products.Total(), 0};
  for (size_t lane = 0; lane < kLanes; ++lane) {
    sums.largest_delta = std::max(sums.largest_delta, lanes.largest[lane]);
  }
}

FORENSICS_INLINE void AddSquares(const float* values, size_t size, LaneSums& squares) {
  for (size_t i = 0; i < size; i += kStep) {
    LanePair x;
    Load(values + i, x);
    squares.Add(x.first * x.first);
    squares.Add(x.second * x.second);
  }
}

FORENSICS_INLINE void SquareInline(absl::Span<const float> values, double& sum) {
  LaneSums squares;
  AddSquares(values.data(), values.size() / kStep * kStep, squares);
  AddSquares(Rest(values).elements, kStep, squares);
  sum = squares.Total();
}

FORENSICS_INLINE void AddDistance(const float* a, const float* b, size_t size, Lanes& even,
                                  Lanes& odd) {
  for (size_t i = 0; i < size; i += kStep) {
    LanePair x, y;
    Load(a + i, x);
    Load(b + i, y);
    even += (x.first - y.first) * (x.first - y.first);
    odd += (x.second - y.second) * (x.second - y.second);
  }
}

FORENSICS_INLINE void DistanceInline(absl::Span<const float> a, absl::Span<const float> b,
                                     double& sum) {
  Lanes even = {}, odd = {};
  AddDistance(a.data(), b.data(), a.size() / kStep * kStep, even, odd);
  AddDistance(Rest(a).elements, Rest(b).elements, kStep, even, odd);
  const Lanes both = even + odd;
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
