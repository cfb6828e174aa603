// Studentised means of many series at once: where resampling spends its time.
#ifndef ANALYZER_STATISTICS_RESAMPLED_MEANS_H_
#define ANALYZER_STATISTICS_RESAMPLED_MEANS_H_

#include <array>
#include <cstddef>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "analyzer/lanes/lanes.h"
#include "analyzer/statistics/autoregression.h"
#include "analyzer/statistics/autoregression_kernels.h"
#include "analyzer/statistics/draws.h"

namespace forensics::analyzer {

// Two batches of series of n values: [value]. Those of the usual length lie on the stack: asking
// for memory takes a tenth as long as what is done with it.
using PairSeries = absl::InlinedVector<LanePair, 48>;

// The mean over its standard error; without an error 0 or an infinity.
double Studentised(const Autoregression& fit);

// Of each series that `generating` makes of blocks of the innovations, in the order of the draws.
std::vector<double> MeansOfBlocks(absl::Span<const double> innovations, size_t block,
                                  const Autoregression& generating, const BlockDraws& draws);

// Of the series that `generating` makes of the innovations with drawn signs, two batches at a time.
class MeansOfSigns {
 public:
  // All outlive it.
  MeansOfSigns(absl::Span<const double> innovations, const Autoregression& generating,
               const SignDraws& draws);

  // Of the `pair`th two batches. Without a second batch the first comes twice.
  std::array<double, kPairLanes> Of(size_t pair);

 private:
  const absl::Span<const double> innovations_;
  const Autoregression& generating_;
  const SeriesStart start_;
  const SignDraws& draws_;
  PairSeries series_;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_STATISTICS_RESAMPLED_MEANS_H_
