#include "analyzer/statistics/resampled_means.h"

#include <algorithm>
#include <memory>
#include <new>

#include "analyzer/statistics/autoregression_kernels.h"

namespace forensics::analyzer {
namespace {

// Eight series of n values: [value][lane].
class LaneSeries {
 public:
  explicit LaneSeries(size_t n)
      : values_(static_cast<Lanes*>(operator new(n * sizeof(Lanes), kAlignment))) {}

  Lanes* data() { return values_.get(); }
  Lanes& operator[](size_t i) { return data()[i]; }

 private:
  static constexpr std::align_val_t kAlignment{sizeof(Lanes)};
  struct Delete {
    void operator()(Lanes* values) const { operator delete(values, kAlignment); }
  };
  std::unique_ptr<Lanes, Delete> values_;
};

// What is inlined into a function is compiled for that function's instruction set.
#define FORENSICS_INLINE __attribute__((always_inline)) inline

FORENSICS_INLINE void StudentiseInline(const Autoregression& generating, Lanes* series, size_t n,
                                       double* means) {
  InnovationsToSeries(generating, series, n);
  FitOf<Lanes> fit;
  FitSeries(series, n, fit);
  Lanes studentised;
  Studentise(fit, studentised);
  for (size_t lane = 0; lane < kLanes; ++lane) means[lane] = studentised[lane];
}

FORENSICS_INLINE void TakeSignsInline(const double* innovations, const uint8_t* keeps,
                                      Lanes* series, size_t n) {
  constexpr LaneBits kBitOfLane = {1, 2, 4, 8, 16, 32, 64, 128};
  for (size_t i = 0; i < n; ++i) {
    const LaneBits kept = (LaneBits{} + int64_t{keeps[i]}) & kBitOfLane;
    const Lanes same = Lanes{} + innovations[i];
    series[i] = kept != 0 ? same : -same;
  }
}

// The same two functions for each instruction set.
#define FORENSICS_KERNELS(Suffix, attributes)                                                   \
  attributes void Studentise##Suffix(const Autoregression& generating, Lanes* series, size_t n, \
                                     double* means) {                                           \
    StudentiseInline(generating, series, n, means);                                             \
  }                                                                                             \
  attributes void TakeSigns##Suffix(const double* innovations, const uint8_t* keeps,            \
                                    Lanes* series, size_t n) {                                  \
    TakeSignsInline(innovations, keeps, series, n);                                             \
  }
FORENSICS_KERNELS(Baseline, )
FORENSICS_KERNELS(Avx2, __attribute__((target("avx2"))))
FORENSICS_KERNELS(Avx512, __attribute__((target("avx512f"))))
#undef FORENSICS_KERNELS

struct Kernels {
  // Writes the eight studentised means of the series that innovations, [n], make; they are
  // replaced.
  void (*studentise)(const Autoregression&, Lanes* series, size_t n, double* means);
  // Eight series of the innovations, [n], with signs as DrawSigns has them.
  void (*take_signs)(const double* innovations, const uint8_t* keeps, Lanes* series, size_t n);
};

const Kernels& Best() {
  static const Kernels best =
      __builtin_cpu_supports("avx512f") ? Kernels{StudentiseAvx512, TakeSignsAvx512}
      : __builtin_cpu_supports("avx2")  ? Kernels{StudentiseAvx2, TakeSignsAvx2}
                                        : Kernels{StudentiseBaseline, TakeSignsBaseline};
  return best;
}

}  // namespace

double Studentised(const Autoregression& fit) {
  double mean = 0;
  Studentise(FitOf<double>{fit.mean, fit.first, fit.second, fit.standard_error}, mean);
  return mean;
}

std::vector<double> MeansOfBlocks(absl::Span<const double> innovations, size_t block,
                                  const Autoregression& generating, const BlockDraws& draws) {
  const size_t n = innovations.size();
  LaneSeries series(n);
  std::vector<double> means(draws.starts.size() / draws.blocks * kLanes);
  for (size_t batch = 0; batch * kLanes < means.size(); ++batch) {
    for (size_t b = 0; b < draws.blocks; ++b) {
      const std::array<uint32_t, kLanes>& starts = draws.starts[batch * draws.blocks + b];
      for (size_t i = b * block; i < std::min(n, (b + 1) * block); ++i) {
        const double* const from = innovations.data() + (i - b * block);
        series[i] = Lanes{from[starts[0]], from[starts[1]], from[starts[2]], from[starts[3]],
                          from[starts[4]], from[starts[5]], from[starts[6]], from[starts[7]]};
      }
    }
    Best().studentise(generating, series.data(), n, &means[batch * kLanes]);
  }
  means.resize(draws.resamples);
  return means;
}

std::array<double, kLanes> MeansOfSigns(absl::Span<const double> innovations,
                                        const Autoregression& generating, const SignDraws& draws,
                                        size_t batch) {
  const size_t n = innovations.size();
  LaneSeries series(n);
  Best().take_signs(innovations.data(), &draws.keeps[batch * draws.n], series.data(), n);
  std::array<double, kLanes> means;
  Best().studentise(generating, series.data(), n, means.data());
  return means;
}

}  // namespace forensics::analyzer
