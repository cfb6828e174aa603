// How well one set of distances tells that it is not the other: ROC, AUC, and how many tokens it
// takes.
#ifndef ANALYZER_STATISTICS_TELLING_APART_H_
#define ANALYZER_STATISTICS_TELLING_APART_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"

namespace forensics::analyzer {

// Of the rule that calls a position changed if its distance is at least a threshold.
struct RocPoint {
  double false_positive_rate = 0;  // share of the baseline's positions that are called changed
  double true_positive_rate = 0;   // share of the variant's
};

struct Roc {
  // Probability that a position of the variant has the larger distance, ties counting half.
  double auc = 0.5;
  std::vector<RocPoint> curve;  // a point a threshold, from (0, 0) to (1, 1)
};

// Neither is empty.
Roc TellApart(absl::Span<const double> variant, absl::Span<const double> baseline);

struct DetectionRates {
  double false_positive_rate = 0.01;
  double power = 0.95;
};

// The number of tokens after which the mean distance tells the variant from the baseline at these
// rates. The means of so many tokens are taken to be log-normal, which sums of positive and skewed
// distances come close to (Fenton, 1960), with the sequences' means and, over the number of tokens,
// their long-run variances; below ten tokens it is a rough guess. None where the variant's mean is
// not the larger, for sequences too short to fit, or beyond a million.
std::optional<int64_t> TokensNeeded(absl::Span<const double> variant,
                                    absl::Span<const double> baseline,
                                    const DetectionRates& rates = {});

}  // namespace forensics::analyzer

#endif  // ANALYZER_STATISTICS_TELLING_APART_H_
