#include "analyzer/attribution/candidate_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace forensics::analyzer {
namespace {

struct Figures {
  double sharpness = 0;
  double threshold = 0;
  double prior = 0;
};

// The grid, and the prior at each point. Sharpness: log-normal about 4 with deviation 1, so that a
// candidate 1.5 times as far as another is from a half to a fiftieth as likely. Threshold:
// Student's t with 3 degrees of freedom about 0.5, a distance of 1.6 times the noise, with scale 1.
const std::vector<Figures>& Grid() {
  static const auto* const kGrid = [] {
    auto* grid = new std::vector<Figures>;
    double sum = 0;
    for (int i = -8; i <= 16; ++i) {
      const double log_sharpness = 0.25 * i;
      for (int j = -10; j <= 80; ++j) {
        const double threshold = 0.1 * j;
        const double prior = std::exp(-0.5 * std::pow(log_sharpness - std::log(4), 2)) /
                             std::pow(1 + std::pow(threshold - 0.5, 2) / 3, 2);
        grid->push_back({std::exp(log_sharpness), threshold, prior});
        sum += prior;
      }
    }
    for (Figures& figures : *grid) figures.prior /= sum;
    return grid;
  }();
  return *kGrid;
}

std::vector<double> ProbabilitiesAt(const Figures& figures, absl::Span<const double> scores) {
  std::vector<double> probabilities(scores.begin(), scores.end());
  probabilities.push_back(figures.threshold);
  const double nearest = *std::min_element(probabilities.begin(), probabilities.end());
  double sum = 0;
  for (double& p : probabilities) sum += p = std::exp(-figures.sharpness * (p - nearest));
  for (double& p : probabilities) p /= sum;
  return probabilities;
}

}  // namespace

std::vector<double> CandidateModel::Probabilities(absl::Span<const double> scores) const {
  std::vector<double> mean(scores.size() + 1, 0);
  for (size_t point = 0; point < Grid().size(); ++point) {
    const double weight = weights_(static_cast<Eigen::Index>(point));
    if (weight < 1e-9) continue;
    const std::vector<double> probabilities = ProbabilitiesAt(Grid()[point], scores);
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += weight * probabilities[i];
  }
  const double sum = std::accumulate(mean.begin(), mean.end(), 0.0);
  for (double& probability : mean) probability /= sum;
  return mean;
}

CandidateLearner::CandidateLearner(absl::Span<const AttributionCase> cases) {
  for (const AttributionCase& observed : cases) {
    present_.push_back(observed.truth.has_value());
    Eigen::VectorXd& evidence = evidence_.emplace_back(static_cast<Eigen::Index>(Grid().size()));
    const size_t truth = observed.truth.value_or(observed.scores.size());
    for (size_t point = 0; point < Grid().size(); ++point) {
      const double p = ProbabilitiesAt(Grid()[point], observed.scores)[truth];
      evidence(static_cast<Eigen::Index>(point)) = std::log(std::max(p, 1e-300));
    }
  }
}

std::optional<CandidateModel> CandidateLearner::Learn(absl::Span<const size_t> skip) const {
  const Eigen::Index points = static_cast<Eigen::Index>(Grid().size());
  Eigen::VectorXd sums[2] = {Eigen::VectorXd::Zero(points), Eigen::VectorXd::Zero(points)};
  size_t n[2] = {0, 0};
  for (size_t i = 0; i < present_.size(); ++i) {
    if (std::find(skip.begin(), skip.end(), i) != skip.end()) continue;
    sums[present_[i]] += evidence_[i];
    ++n[present_[i]];
  }
  if (n[0] == 0 || n[1] == 0) return std::nullopt;
  // Either kind weighs as half of the cases.
  const double half = static_cast<double>(n[0] + n[1]) / 2;
  Eigen::VectorXd weights =
      half / static_cast<double>(n[0]) * sums[0] + half / static_cast<double>(n[1]) * sums[1];
  for (size_t point = 0; point < Grid().size(); ++point) {
    weights(static_cast<Eigen::Index>(point)) += std::log(Grid()[point].prior);
  }
  weights = (weights.array() - weights.maxCoeff()).exp();
  weights /= weights.sum();
  return CandidateModel(std::move(weights), n[0] + n[1]);
}

}  // namespace forensics::analyzer
