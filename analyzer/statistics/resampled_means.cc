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

FORENSICS_INLINE void StudentiseGeneric(const Autoregression& generating, Lanes* series, size_t n,
                                        double* means) {
  InnovationsToSeries(generating, series, n);
  FitOf<Lanes> fit;
  FitSeries(series, n, fit);
  Lanes studentised;
  Studentise(fit, studentised);
  for (size_t lane = 0; lane < kLanes; ++lane) means[lane] = studentised[lane];
}

void StudentiseBaseline(const Autoregression& generating, Lanes* series, size_t n, double* means) {
  StudentiseGeneric(generating, series, n, means);
}

__attribute__((target("avx2"))) void StudentiseAvx2(const Autoregression& generating, Lanes* series,
                                                    size_t n, double* means) {
  StudentiseGeneric(generating, series, n, means);
}

__attribute__((target("avx512f"))) void StudentiseAvx512(const Autoregression& generating,
                                                         Lanes* series, size_t n, double* means) {
  StudentiseGeneric(generating, series, n, means);
}

// Writes the eight studentised means of the series that innovations, [n], make; they are replaced.
void StudentiseSeries(const Autoregression& generating, Lanes* series, size_t n, double* means) {
  static const auto best = __builtin_cpu_supports("avx512f") ? StudentiseAvx512
                           : __builtin_cpu_supports("avx2")  ? StudentiseAvx2
                                                             : StudentiseBaseline;
  best(generating, series, n, means);
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
    StudentiseSeries(generating, series.data(), n, &means[batch * kLanes]);
  }
  means.resize(draws.resamples);
  return means;
}

std::array<double, kLanes> MeansOfSigns(absl::Span<const double> innovations,
                                        const Autoregression& generating, const SignDraws& draws,
                                        size_t batch) {
  constexpr LaneBits kBitOfLane = {1, 2, 4, 8, 16, 32, 64, 128};
  const size_t n = innovations.size();
  LaneSeries series(n);
  for (size_t i = 0; i < n; ++i) {
    const LaneBits keeps = (LaneBits{} + int64_t{draws.keeps[batch * draws.n + i]}) & kBitOfLane;
    const Lanes same = Lanes{} + innovations[i];
    series[i] = keeps != 0 ? same : -same;
  }
  std::array<double, kLanes> means;
  StudentiseSeries(generating, series.data(), n, means.data());
  return means;
}

}  // namespace forensics::analyzer
