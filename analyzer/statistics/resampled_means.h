// Studentised means of many series at once: where resampling spends its time.
#ifndef ANALYZER_STATISTICS_RESAMPLED_MEANS_H_
#define ANALYZER_STATISTICS_RESAMPLED_MEANS_H_

#include <array>
#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/statistics/autoregression.h"
#include "analyzer/statistics/draws.h"
#include "analyzer/statistics/lanes.h"

namespace forensics::analyzer {

// The mean over its standard error; without an error 0 or an infinity.
double Studentised(const Autoregression& fit);

// Of each series that `generating` makes of blocks of the innovations, in the order of the draws.
std::vector<double> MeansOfBlocks(absl::Span<const double> innovations, size_t block,
                                  const Autoregression& generating, const BlockDraws& draws);

// Of the series of two batches, the `pair`th two, that `generating` makes of the innovations with
// drawn signs. Without a second batch the first comes twice.
std::array<double, kPairLanes> MeansOfSigns(absl::Span<const double> innovations,
                                            const Autoregression& generating,
                                            const SignDraws& draws, size_t pair);

}  // namespace forensics::analyzer

#endif  // ANALYZER_STATISTICS_RESAMPLED_MEANS_H_
