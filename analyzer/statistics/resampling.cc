#include "analyzer/statistics/resampling.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "analyzer/statistics/autoregression.h"
#include "analyzer/statistics/draws.h"
#include "analyzer/statistics/resampled_means.h"
#include "boost/math/constants/constants.hpp"

namespace forensics::analyzer {
namespace {

constexpr double kLargestSum = 0.97;
constexpr int kFewExceedances = 10;
constexpr int kMostResamples = 4999;

// Calibration for short sequences, found by simulation (docs/numerics.md): estimates of correlation
// that are too small by chance make intervals too short and tests too easy.
constexpr double kStretch = 0.2;
constexpr double kStretchOfCorrelation = 30;
constexpr double kMostStretchOfCorrelation = 1.9;
constexpr double kTestMargin = 0.35;  // at 32 values
constexpr double kTemperedBelow = 0.05;
constexpr double kMostTempering = 0.5;

// How much of the calibration sequences of this length need: that of 12 values all.
double Shortness(size_t n) {
  const double relative = static_cast<double>(kShortestSequence) / static_cast<double>(n);
  return relative * relative;
}

// How much longer an interval is made: 1 + (12 / n)^2 (0.2 + 30 sum), the latter term at most 1.9,
// for coefficients of that sum.
double Stretch(const Autoregression& fit, size_t n) {
  return 1 + Shortness(n) * (kStretch + std::min(kMostStretchOfCorrelation,
                                                 kStretchOfCorrelation * (fit.first + fit.second)));
}

// The margin makes tests honest down to 0.05. Below, probabilities are raised: relative to 0.05, to
// the power of 1 - (12 / n)^2, at least 1/2.
double Tempered(double p, size_t n) {
  if (p >= kTemperedBelow) return p;
  return kTemperedBelow * std::pow(p / kTemperedBelow, 1 - std::min(kMostTempering, Shortness(n)));
}

// What tests make series with.
Autoregression WithMargin(Autoregression fit, size_t n) {
  fit.first += kTestMargin * std::sqrt(32.0 / static_cast<double>(n));
  const double sum = fit.first + fit.second;
  if (sum > kLargestSum) {
    fit.first *= kLargestSum / sum;
    fit.second *= kLargestSum / sum;
  }
  return fit;
}

std::vector<double> Centred(std::vector<double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  for (double& value : values) value -= sum / static_cast<double>(values.size());
  return values;
}

// Studentised means of series like `values` with a mean of 0.
std::vector<double> StudentisedMeans(absl::Span<const double> values, const Autoregression& fit,
                                     const Resampling& resampling) {
  const std::vector<double> innovations = Centred(Innovations(values, fit));
  const size_t block = static_cast<size_t>(BlockLength(values.size()));
  const std::shared_ptr<const BlockDraws> draws =
      DrawBlocks(resampling.seed, resampling.resamples, values.size(), block);
  return MeansOfBlocks(innovations, block, fit, *draws);
}

// How many of `n` values lie at or below the one that a share `p` of them is at most.
size_t RankOf(double p, size_t n) {
  return static_cast<size_t>(
      std::clamp(p * static_cast<double>(n + 1), 1.0, static_cast<double>(n)));
}

// The quantiles of `tail` and 1 - `tail`, which is at most a half, as far as Student's t of one
// degree of freedom goes: series of the few innovations that a step leaves have next to no scatter.
// The values' order changes. Few lie beyond either quantile: to sort those alone takes two
// thirds of the time of std::nth_element.
Interval Between(double tail, std::vector<double>& values) {
  const auto place = [&](size_t rank) {
    return values.begin() + static_cast<std::ptrdiff_t>(rank);
  };
  const size_t low = RankOf(tail, values.size());
  const size_t from_top = values.size() - RankOf(1 - tail, values.size()) + 1;
  std::partial_sort(values.begin(), place(from_top), values.end(), std::greater<>());
  const double farthest = 1 / std::tan(boost::math::constants::pi<double>() * tail);
  const double high = std::min(*(place(from_top) - 1), farthest);
  std::partial_sort(values.begin(), place(low), values.end());
  return {std::max(*(place(low) - 1), -farthest), high};
}

Interval IntervalOfMean(absl::Span<const double> values, const Resampling& resampling) {
  const Autoregression fit = FitAutoregression(values);
  if (fit.standard_error == 0) return {fit.mean, fit.mean};
  std::vector<double> means = StudentisedMeans(values, fit, resampling);
  const Interval quantiles = Between((1 - resampling.level) / 2, means);
  const double error = fit.standard_error * Stretch(fit, values.size());
  return {fit.mean - quantiles.high * error, fit.mean - quantiles.low * error};
}

}  // namespace

int64_t BlockLength(size_t n) {
  return std::max(2L, std::lround(0.63 * std::cbrt(static_cast<double>(n))));
}

std::optional<Interval> MeanInterval(absl::Span<const double> values,
                                     const Resampling& resampling) {
  if (values.size() < kShortestSequence) return std::nullopt;
  return IntervalOfMean(values, resampling);
}

std::optional<Interval> RatioInterval(absl::Span<const double> numerator,
                                      absl::Span<const double> denominator,
                                      const Resampling& resampling) {
  if (numerator.size() < kShortestSequence) return std::nullopt;
  const double above = FitAutoregression(numerator).mean;
  const double below = FitAutoregression(denominator).mean;
  if (!(above > 0) || !(below > 0)) return std::nullopt;
  // To first order the logarithm of the ratio is that of the truth plus the mean of these.
  std::vector<double> deviations;
  for (size_t i = 0; i < numerator.size(); ++i) {
    deviations.push_back(numerator[i] / above - denominator[i] / below);
  }
  const Interval logarithm = IntervalOfMean(deviations, resampling);
  const double ratio = above / below;
  return Interval{ratio * std::exp(logarithm.low), ratio * std::exp(logarithm.high)};
}

std::optional<double> ExceedanceProbability(absl::Span<const double> differences,
                                            const Resampling& resampling) {
  if (differences.size() < kShortestSequence) return std::nullopt;
  const Autoregression fit = FitAutoregression(differences);
  const double observed = Studentised(fit);
  const Autoregression generating = WithMargin(fit, differences.size());
  const std::vector<double> innovations = Innovations(differences, fit);
  const std::shared_ptr<const SignDraws> draws = DrawSigns(
      resampling.seed, std::max(resampling.resamples, kMostResamples), differences.size());
  MeansOfSigns means(innovations, generating, *draws);
  int at_least = 0;
  int resamples = 0;
  // A small probability needs more of them to be told from a smaller one.
  const auto wanted = [&] {
    return resamples < resampling.resamples ||
           (at_least < kFewExceedances && resamples < kMostResamples);
  };
  for (size_t pair = 0; wanted(); ++pair) {
    for (const double mean : means.Of(pair)) {
      if (!wanted()) break;
      at_least += mean >= observed;
      ++resamples;
    }
  }
  return Tempered((at_least + 1.0) / (resamples + 1.0), differences.size());
}

}  // namespace forensics::analyzer
