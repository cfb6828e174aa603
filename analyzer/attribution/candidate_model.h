// From distances to probabilities: which candidate, or none of them.
//
// A multinomial logistic model in two figures, sharpness and threshold: the logit of each of m
// candidates is -sharpness times its log distance, less log m, that of "none of these" -sharpness
// times the threshold. So the prior probability of "none of these" is one half. The logit of all
// candidates together against it counts in part only where known cases show that distances hardly
// tell the two apart: there the prior stays.
//
// It learns from cases of two kinds, those whose truth is a candidate and those where it is none.
// They are not independent: cases of a kind share what their block does to distances, or their
// label. Therefore each such group has a threshold of its own, scattered about the library's, and
// an unknown, being of a new group, has one too. A library has few groups, and the
// best figures would be far too sure of themselves; so probabilities are means over all
// sharpnesses, thresholds and scatters, weighted by a prior and by how well they explain the groups
// (docs/numerics.md has the prior, and how often the probabilities are right).
#ifndef ANALYZER_ATTRIBUTION_CANDIDATE_MODEL_H_
#define ANALYZER_ATTRIBUTION_CANDIDATE_MODEL_H_

#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "Eigen/Core"
#include "absl/types/span.h"

namespace forensics::analyzer {

struct AttributionCase {
  std::vector<double> scores;   // log distance of each candidate; not empty
  std::optional<size_t> truth;  // index of `scores`; none: none of these
  // The groups that it belongs to.
  size_t label = 0;
  size_t block = 0;
};

// What log distances are held against.
struct Yardstick {
  double centre = 0;      // thresholds count from here
  double separation = 0;  // 0: distances do not tell what is in the library, to 1
};

// What has been learnt: a weight for each sharpness and threshold of an unknown's group.
class CandidateModel {
 public:
  // `weights`: [sharpness, threshold], sum to 1.
  CandidateModel(Eigen::ArrayXXd weights, const Yardstick& yardstick, size_t cases)
      : weights_(std::move(weights)), yardstick_(yardstick), cases_(cases) {}

  // Probability of each score's candidate and, last, of none of them.
  std::vector<double> Probabilities(absl::Span<const double> scores) const;

  size_t cases() const { return cases_; }  // learnt from

 private:
  Eigen::ArrayXXd weights_;
  Yardstick yardstick_;
  size_t cases_;
};

// Learns from cases, also from those of all blocks but one.
class CandidateLearner {
 public:
  explicit CandidateLearner(absl::Span<const AttributionCase> cases);

  // None unless a case of either kind (with a truth, and without) remains.
  std::optional<CandidateModel> Learn(std::optional<size_t> without_block = std::nullopt) const;

 private:
  struct Case {
    bool present = false;  // its truth is a candidate
    size_t label = 0;
    size_t block = 0;
    Eigen::ArrayXXd evidence;  // log-likelihood at each [sharpness, threshold]
  };
  // By number, the log-likelihood of a group at each scatter: [sharpness, the library's threshold].
  using Groups = std::map<size_t, std::vector<Eigen::ArrayXXd>>;

  template <typename Key, typename Predicate>
  Groups GroupBy(Key key, Predicate is_in) const;

  Yardstick yardstick_;
  std::vector<Case> cases_;
  Groups blocks_[2];  // of all cases, by kind
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_CANDIDATE_MODEL_H_
