// From distances to probabilities: which candidate, or none of them.
//
// A multinomial logistic model in two figures: the logit of a candidate is -sharpness times its log
// distance, that of "none of these" the same of a threshold. It learns from cases whose truth is
// known, in half of them (by weight) none of the candidates: the prior probability of "none of
// these" is one half. A library has few cases, and the best two figures would be far too sure of
// themselves; so probabilities are means over all figures, weighted by a prior and by how well they
// explain the cases (docs/numerics.md has the prior, and how often the probabilities are right).
#ifndef ANALYZER_ATTRIBUTION_CANDIDATE_MODEL_H_
#define ANALYZER_ATTRIBUTION_CANDIDATE_MODEL_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "Eigen/Core"
#include "absl/types/span.h"

namespace forensics::analyzer {

struct AttributionCase {
  std::vector<double> scores;   // log distance of each candidate; not empty
  std::optional<size_t> truth;  // index of `scores`; none: none of these
};

// What has been learnt: a weight for each point of the grid of figures.
class CandidateModel {
 public:
  CandidateModel(Eigen::VectorXd weights, size_t cases)
      : weights_(std::move(weights)), cases_(cases) {}

  // Probability of each score's candidate and, last, of none of them.
  std::vector<double> Probabilities(absl::Span<const double> scores) const;

  size_t cases() const { return cases_; }  // learnt from

 private:
  Eigen::VectorXd weights_;  // sum to 1
  size_t cases_;
};

// Learns from cases, also from all but a few of them.
class CandidateLearner {
 public:
  explicit CandidateLearner(absl::Span<const AttributionCase> cases);

  // `skip`: indices of cases to be left out. None unless a case of either kind remains.
  std::optional<CandidateModel> Learn(absl::Span<const size_t> skip = {}) const;

 private:
  std::vector<bool> present_;              // by case: whether its truth is a candidate
  std::vector<Eigen::VectorXd> evidence_;  // by case: log-likelihood at each point of the grid
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_CANDIDATE_MODEL_H_
