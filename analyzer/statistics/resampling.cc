#include "analyzer/statistics/resampling.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "analyzer/statistics/autoregression.h"
#include "analyzer/statistics/draws.h"
#include "analyzer/statistics/resampled_means.h"

namespace forensics::analyzer {
namespace {

constexpr double kLargestSum = 0.97;
constexpr int kFewExceedances = 10;
constexpr int kMostResamples = 4999;

// Calibration for short sequences, found by simulation (docs/numerics.md). Estimates of correlation
// that are too small by chance make intervals too short and tests too easy: series are made with a
// larger coefficient, by as much at 32 values and by less in longer sequences.
constexpr double kIntervalMargin = 0.36;  // times the coefficients' sum
constexpr double kTestMargin = 0.35;
// Times 1 / n: the share of an interval's tails that is given to the interval; 0.3 at 32.
constexpr double kTailLoss = 9.6;

// What series are made with.
Autoregression Generating(Autoregression fit, size_t n, double margin_at_32) {
  fit.first += margin_at_32 * std::sqrt(32.0 / static_cast<double>(n));
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
  const Autoregression generating =
      Generating(fit, values.size(), kIntervalMargin * (fit.first + fit.second));
  const std::shared_ptr<const BlockDraws> draws =
      DrawBlocks(resampling.seed, resampling.resamples, values.size(), block);
  return MeansOfBlocks(innovations, block, generating, *draws);
}

// How many of `n` values lie at or below the one that a share `p` of them is at most.
size_t RankOf(double p, size_t n) {
  return static_cast<size_t>(
      std::clamp(p * static_cast<double>(n + 1), 1.0, static_cast<double>(n)));
}

// The quantiles of `tail` and 1 - `tail`, which is at most a half; the values' order changes. Few
// lie beyond either: to sort those alone takes two thirds of the time of std::nth_element.
Interval Between(double tail, std::vector<double>& values) {
  const auto place = [&](size_t rank) {
    return values.begin() + static_cast<std::ptrdiff_t>(rank);
  };
  const size_t low = RankOf(tail, values.size());
  const size_t from_top = values.size() - RankOf(1 - tail, values.size()) + 1;
  std::partial_sort(values.begin(), place(from_top), values.end(), std::greater<>());
  const double high = *(place(from_top) - 1);
  std::partial_sort(values.begin(), place(low), values.end());
  return {*(place(low) - 1), high};
}

Interval IntervalOfMean(absl::Span<const double> values, const Resampling& resampling) {
  const Autoregression fit = FitAutoregression(values);
  if (fit.standard_error == 0) return {fit.mean, fit.mean};
  std::vector<double> means = StudentisedMeans(values, fit, resampling);
  const double tails = 1 - resampling.level;
  const double tail = tails / 2 * (1 - kTailLoss / static_cast<double>(values.size()));
  const Interval quantiles = Between(tail, means);
  return {fit.mean - quantiles.high * fit.standard_error,
          fit.mean - quantiles.low * fit.standard_error};
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
  const Autoregression generating = Generating(fit, differences.size(), kTestMargin);
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
  return (at_least + 1.0) / (resamples + 1.0);
}

}  // namespace forensics::analyzer
