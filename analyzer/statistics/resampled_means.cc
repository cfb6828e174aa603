#include "analyzer/statistics/resampled_means.h"

#include <algorithm>
#include <cstring>

#include "analyzer/lanes/instruction_sets.h"
#include "analyzer/statistics/autoregression_kernels.h"

namespace forensics::analyzer {
namespace {

template <typename Vector>
FORENSICS_INLINE void StudentiseInline(const Autoregression& generating, const SeriesStart& start,
                                       LanePair* series, size_t n, double* means) {
  using Part = PairOf<Vector>;
  constexpr size_t kParts = kPartsOf<Vector>;
  for (size_t part = 0; part < kParts; ++part) {
    Part* const own = reinterpret_cast<Part*>(series) + part;
    Part sum;
    InnovationsToSeries(generating, start, own, n, sum, kParts);
    FitOf<Part> fit;
    FitDeviations(sum, own, n, fit, kParts);
    Part studentised;
    Studentise(fit, studentised);
    std::memcpy(means + part * (sizeof(Part) / sizeof(double)), &studentised, sizeof(studentised));
  }
}

// `same` where the bit of the lane is set in `keeps`, else its negative: eight lanes.
template <typename Vector>
FORENSICS_INLINE void TakeSign(double same, uint8_t keeps, double* lanes) {
  constexpr size_t kWidth = sizeof(Vector) / sizeof(double);
  using Bits = typename LaneBits<kWidth>::Type;
  Bits bit_of_lane;
  for (size_t lane = 0; lane < kWidth; ++lane) bit_of_lane[lane] = int64_t{1} << lane;
  for (size_t begin = 0; begin < kLanes; begin += kWidth) {
    const Bits kept = (Bits{} + (int64_t{keeps} >> begin)) & bit_of_lane;
    const Vector all = Vector{} + same;
    const Vector signed_lanes = kept != 0 ? all : -all;
    std::memcpy(lanes + begin, &signed_lanes, sizeof(signed_lanes));
  }
}

template <typename Vector>
FORENSICS_INLINE void TakeSignsInline(const double* innovations, const uint8_t* first_keeps,
                                      const uint8_t* second_keeps, LanePair* series, size_t n) {
  double* const lanes = reinterpret_cast<double*>(series);
  for (size_t i = 0; i < n; ++i) {
    TakeSign<Vector>(innovations[i], first_keeps[i], lanes + i * kPairLanes);
    TakeSign<Vector>(innovations[i], second_keeps[i], lanes + i * kPairLanes + kLanes);
  }
}

// The same two functions for each instruction set.
#define FORENSICS_KERNELS(Suffix, attributes)                                                    \
  attributes void Studentise##Suffix(const Autoregression& generating, const SeriesStart& start, \
                                     LanePair* series, size_t n, double* means) {                \
    StudentiseInline<LanesOf##Suffix>(generating, start, series, n, means);                      \
  }                                                                                              \
  attributes void TakeSigns##Suffix(const double* innovations, const uint8_t* first_keeps,       \
                                    const uint8_t* second_keeps, LanePair* series, size_t n) {   \
    TakeSignsInline<LanesOf##Suffix>(innovations, first_keeps, second_keeps, series, n);         \
  }
FORENSICS_FOR_EACH_INSTRUCTION_SET(FORENSICS_KERNELS)
#undef FORENSICS_KERNELS

struct Kernels {
  // Writes the studentised means of the series that innovations, [n], make; they are replaced.
  void (*studentise)(const Autoregression&, const SeriesStart&, LanePair* series, size_t n,
                     double* means);
  // Two batches of the innovations, [n], with signs as DrawSigns has them.
  void (*take_signs)(const double* innovations, const uint8_t* first_keeps,
                     const uint8_t* second_keeps, LanePair* series, size_t n);
};

const Kernels& Best() {
  static const Kernels best = ForThisProcessor(Kernels{StudentiseBaseline, TakeSignsBaseline},
                                               Kernels{StudentiseAvx2, TakeSignsAvx2},
                                               Kernels{StudentiseAvx512, TakeSignsAvx512});
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
  PairSeries series(n);
  const SeriesStart start(generating);
  const size_t batches = draws.starts.size() / draws.blocks;
  std::vector<double> means((batches + 1) / 2 * kPairLanes);
  const auto gather = [](const double* from, const std::array<uint32_t, kLanes>& starts) {
    return std::array<double, kLanes>{from[starts[0]], from[starts[1]], from[starts[2]],
                                      from[starts[3]], from[starts[4]], from[starts[5]],
                                      from[starts[6]], from[starts[7]]};
  };
  for (size_t batch = 0; batch < batches; batch += 2) {
    const size_t second = std::min(batch + 1, batches - 1);  // the last may be alone
    for (size_t b = 0; b < draws.blocks; ++b) {
      const auto& first_starts = draws.starts[batch * draws.blocks + b];
      const auto& second_starts = draws.starts[second * draws.blocks + b];
      for (size_t i = b * block; i < std::min(n, (b + 1) * block); ++i) {
        const double* const from = innovations.data() + (i - b * block);
        const std::array<double, kLanes> values[] = {gather(from, first_starts),
                                                     gather(from, second_starts)};
        std::memcpy(&series[i], values, sizeof(values));
      }
    }
    Best().studentise(generating, start, series.data(), n, &means[batch * kLanes]);
  }
  means.resize(draws.resamples);
  return means;
}

MeansOfSigns::MeansOfSigns(absl::Span<const double> innovations, const Autoregression& generating,
                           const SignDraws& draws)
    : innovations_(innovations),
      generating_(generating),
      start_(generating),
      draws_(draws),
      series_(innovations.size()) {}

std::array<double, kPairLanes> MeansOfSigns::Of(size_t pair) {
  const size_t n = innovations_.size();
  const size_t last = draws_.keeps.size() / n - 1;
  Best().take_signs(innovations_.data(), &draws_.keeps[std::min(2 * pair, last) * n],
                    &draws_.keeps[std::min(2 * pair + 1, last) * n], series_.data(), n);
  std::array<double, kPairLanes> means;
  Best().studentise(generating_, start_, series_.data(), n, means.data());
  return means;
}

}  // namespace forensics::analyzer
