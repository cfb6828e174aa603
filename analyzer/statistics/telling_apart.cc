#include "analyzer/statistics/telling_apart.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "analyzer/statistics/autoregression.h"
#include "boost/math/distributions/normal.hpp"

namespace forensics::analyzer {
namespace {

namespace policies = boost::math::policies;

// Errors give values (NaN, infinity), not exceptions.
using Policy = policies::policy<policies::domain_error<policies::ignore_error>,
                                policies::overflow_error<policies::ignore_error>>;
using Normal = boost::math::normal_distribution<double, Policy>;

constexpr int64_t kMostTokens = 1000000;

// Log-normal: of a mean distance.
struct MeanDistance {
  double mean = 0;
  double variance = 0;

  bool IsPoint() const { return mean <= 0 || LogDeviation() == 0; }
  // Of the logarithm.
  double LogDeviation() const { return std::sqrt(std::log1p(variance / (mean * mean))); }
  double LogMean() const { return std::log(mean) - LogDeviation() * LogDeviation() / 2; }

  // The value that is exceeded with probability `p`.
  double UpperQuantile(double p) const {
    if (IsPoint()) return mean;
    return std::exp(LogMean() + LogDeviation() * quantile(complement(Normal(), p)));
  }

  double ProbabilityAbove(double value) const {
    if (IsPoint()) return mean > value ? 1 : 0;
    if (value <= 0) return 1;
    return cdf(complement(Normal(), (std::log(value) - LogMean()) / LogDeviation()));
  }
};

class MeanOfTokens {
 public:
  explicit MeanOfTokens(absl::Span<const double> distances) {
    const Autoregression fit = FitAutoregression(distances);
    mean_ = fit.mean;
    long_run_variance_ = LongRunVariance(fit, distances.size());
  }

  double mean() const { return mean_; }
  MeanDistance Over(int64_t tokens) const {
    return {mean_, long_run_variance_ / static_cast<double>(tokens)};
  }

 private:
  double mean_ = 0;
  double long_run_variance_ = 0;
};

}  // namespace

Roc TellApart(absl::Span<const double> variant, absl::Span<const double> baseline) {
  std::vector<double> positive(variant.begin(), variant.end());
  std::vector<double> negative(baseline.begin(), baseline.end());
  std::sort(positive.begin(), positive.end(), std::greater<>());
  std::sort(negative.begin(), negative.end(), std::greater<>());
  Roc roc;
  roc.auc = 0;
  roc.curve.emplace_back();
  size_t p = 0, n = 0;
  while (p < positive.size() || n < negative.size()) {
    const double threshold = n == negative.size()   ? positive[p]
                             : p == positive.size() ? negative[n]
                                                    : std::max(positive[p], negative[n]);
    while (p < positive.size() && positive[p] >= threshold) ++p;
    while (n < negative.size() && negative[n] >= threshold) ++n;
    const RocPoint before = roc.curve.back();
    const RocPoint point{static_cast<double>(n) / static_cast<double>(negative.size()),
                         static_cast<double>(p) / static_cast<double>(positive.size())};
    roc.auc += (point.false_positive_rate - before.false_positive_rate) *
               (point.true_positive_rate + before.true_positive_rate) / 2;
    roc.curve.push_back(point);
  }
  return roc;
}

std::optional<int64_t> TokensNeeded(absl::Span<const double> variant,
                                    absl::Span<const double> baseline,
                                    const DetectionRates& rates) {
  if (variant.size() < kShortestSequence || baseline.size() < kShortestSequence) {
    return std::nullopt;
  }
  const MeanOfTokens changed(variant), unchanged(baseline);
  if (changed.mean() <= unchanged.mean()) return std::nullopt;
  const auto suffice = [&](int64_t tokens) {
    const double threshold = unchanged.Over(tokens).UpperQuantile(rates.false_positive_rate);
    return changed.Over(tokens).ProbabilityAbove(threshold) >= rates.power;
  };
  int64_t enough = 1;
  while (enough < kMostTokens && !suffice(enough)) enough *= 2;
  if (enough >= kMostTokens) return std::nullopt;
  int64_t too_few = enough / 2;
  while (enough - too_few > 1) {
    const int64_t middle = too_few + (enough - too_few) / 2;
    (suffice(middle) ? enough : too_few) = middle;
  }
  return enough;
}

}  // namespace forensics::analyzer
