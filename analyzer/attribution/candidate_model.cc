#include "analyzer/attribution/candidate_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace forensics::analyzer {
namespace {

constexpr double kLeastLikelihood = 1e-300;
// Between log distances of those that are and are not in the library, for a separation of a half.
constexpr double kHalfSeparated = 0.2;

// The figures, and the prior at each of them. Sharpness: log-normal about 8 with deviation 1.5, so
// that a candidate 1.5 times as far as another is from a half to a millionth as likely. Threshold:
// Student's t with 3 degrees of freedom about the centre of the cases. Scatter of thresholds: a
// tenth, and doubled up to 3.2 (a factor of 25), each alike.
struct Grid {
  Eigen::ArrayXd sharpness;
  Eigen::ArrayXd threshold;
  Eigen::ArrayXXd log_prior;              // [sharpness, threshold]
  std::vector<Eigen::MatrixXd> scatters;  // by scatter: [the library's threshold, the group's]
};

Grid MakeGrid() {
  Grid grid;
  grid.sharpness = Eigen::ArrayXd::LinSpaced(13, -2, 4).exp();
  grid.threshold = Eigen::ArrayXd::LinSpaced(81, -4, 4);
  const Eigen::ArrayXd of_sharpness = ((grid.sharpness.log() - std::log(8)) / 1.5).square() / -2;
  const Eigen::ArrayXd of_threshold = -2 * (1 + grid.threshold.square() / 3).log();
  grid.log_prior = of_sharpness.replicate(1, grid.threshold.size()) +
                   of_threshold.transpose().replicate(grid.sharpness.size(), 1);
  for (const double scatter : {0.1, 0.2, 0.4, 0.8, 1.6, 3.2}) {
    Eigen::MatrixXd density(grid.threshold.size(), grid.threshold.size());
    for (Eigen::Index i = 0; i < density.rows(); ++i) {
      density.row(i) = (-0.5 * ((grid.threshold - grid.threshold(i)) / scatter).square()).exp();
      density.row(i) /= density.row(i).sum();
    }
    grid.scatters.push_back(std::move(density));
  }
  return grid;
}

const Grid& TheGrid() {
  static const auto* const kGrid = new Grid(MakeGrid());
  return *kGrid;
}

// Candidates among themselves, and the logit of them all against "none of these".
struct Contest {
  Eigen::ArrayXd log_shares;  // by candidate
  Eigen::ArrayXd logits;      // by threshold
};

Contest ContestAt(Eigen::Index sharpness, absl::Span<const double> scores,
                  const Yardstick& yardstick) {
  const Grid& grid = TheGrid();
  const double b = grid.sharpness(sharpness);
  const Eigen::Map<const Eigen::ArrayXd> all(scores.data(),
                                             static_cast<Eigen::Index>(scores.size()));
  const double nearest = all.minCoeff();
  const Eigen::ArrayXd behind = -b * (all - nearest);
  const double log_sum = std::log(behind.exp().sum());
  const double log_mean = log_sum - std::log(static_cast<double>(scores.size()));
  const double near = yardstick.centre - nearest;
  return {behind - log_sum, yardstick.separation * (log_mean + b * (grid.threshold + near))};
}

// log(1 / (1 + exp(-logit))).
Eigen::ArrayXd LogSigmoid(const Eigen::ArrayXd& logits) {
  return logits.min(0) - (-logits.abs()).exp().log1p();
}

Eigen::ArrayXXd EvidenceOf(const AttributionCase& observed, const Yardstick& yardstick) {
  const Grid& grid = TheGrid();
  Eigen::ArrayXXd evidence(grid.sharpness.size(), grid.threshold.size());
  for (Eigen::Index i = 0; i < evidence.rows(); ++i) {
    const Contest contest = ContestAt(i, observed.scores, yardstick);
    if (observed.truth.has_value()) {
      const double log_share = contest.log_shares(static_cast<Eigen::Index>(*observed.truth));
      evidence.row(i) = LogSigmoid(contest.logits).transpose() + log_share;
    } else {
      evidence.row(i) = LogSigmoid(-contest.logits).transpose();
    }
  }
  return evidence;
}

// The log-likelihood of a group at each scatter, its own threshold averaged over.
std::vector<Eigen::ArrayXXd> OverOwnThreshold(const Eigen::ArrayXXd& evidence) {
  const Eigen::ArrayXd largest = evidence.rowwise().maxCoeff();
  const Eigen::MatrixXd likelihood = (evidence.colwise() - largest).exp().matrix();
  std::vector<Eigen::ArrayXXd> averaged;
  for (const Eigen::MatrixXd& scatter : TheGrid().scatters) {
    const Eigen::ArrayXXd mean = (likelihood * scatter.transpose()).array();
    averaged.push_back(mean.max(kLeastLikelihood).log().colwise() + largest);
  }
  return averaged;
}

// From the true candidate's score where there is one and the nearest where there is none; each kind
// has a case.
Yardstick YardstickOf(absl::Span<const AttributionCase> cases) {
  double sums[2] = {0, 0};
  double n[2] = {0, 0};
  for (const AttributionCase& observed : cases) {
    const bool present = observed.truth.has_value();
    sums[present] += present ? observed.scores[*observed.truth]
                             : *std::min_element(observed.scores.begin(), observed.scores.end());
    ++n[present];
  }
  const double absent_at = sums[0] / n[0], present_at = sums[1] / n[1];
  const double apart = std::max(0.0, absent_at - present_at);
  return {(absent_at + present_at) / 2, apart / (apart + kHalfSeparated)};
}

}  // namespace

std::vector<double> CandidateModel::Probabilities(absl::Span<const double> scores) const {
  Eigen::ArrayXd of_candidates = Eigen::ArrayXd::Zero(static_cast<Eigen::Index>(scores.size()));
  double of_none = 0;
  for (Eigen::Index i = 0; i < weights_.rows(); ++i) {
    const Contest contest = ContestAt(i, scores, yardstick_);
    const auto weights = weights_.row(i).transpose();
    of_candidates += (weights * LogSigmoid(contest.logits).exp()).sum() * contest.log_shares.exp();
    of_none += (weights * LogSigmoid(-contest.logits).exp()).sum();
  }
  std::vector<double> probabilities(of_candidates.begin(), of_candidates.end());
  probabilities.push_back(of_none);
  const double sum = of_candidates.sum() + of_none;
  for (double& probability : probabilities) probability /= sum;
  return probabilities;
}

CandidateLearner::CandidateLearner(absl::Span<const AttributionCase> cases) {
  const auto is_present = [](const AttributionCase& c) { return c.truth.has_value(); };
  if (std::all_of(cases.begin(), cases.end(), is_present) ||
      std::none_of(cases.begin(), cases.end(), is_present)) {
    return;
  }
  yardstick_ = YardstickOf(cases);
  for (const AttributionCase& observed : cases) {
    cases_.push_back(
        {is_present(observed), observed.label, observed.block, EvidenceOf(observed, yardstick_)});
  }
  for (const bool present : {false, true}) {
    blocks_[present] = GroupBy([](const Case& one) { return one.block; },
                               [&](const Case& one) { return one.present == present; });
  }
}

template <typename Key, typename Predicate>
CandidateLearner::Groups CandidateLearner::GroupBy(Key key, Predicate is_in) const {
  std::map<size_t, Eigen::ArrayXXd> sums;
  for (const Case& one : cases_) {
    if (!is_in(one)) continue;
    const auto [sum, is_new] = sums.try_emplace(key(one), one.evidence);
    if (!is_new) sum->second += one.evidence;
  }
  Groups groups;
  for (const auto& [group, sum] : sums) groups[group] = OverOwnThreshold(sum);
  return groups;
}

std::optional<CandidateModel> CandidateLearner::Learn(std::optional<size_t> without_block) const {
  const Grid& grid = TheGrid();
  const auto is_left = [&](const Case& one) { return one.block != without_block; };
  std::vector<Groups> ways;
  for (const bool present : {false, true}) {
    ways.push_back(blocks_[present]);
    if (without_block.has_value()) ways.back().erase(*without_block);
    ways.push_back(
        GroupBy([](const Case& one) { return one.label; },
                [&](const Case& one) { return one.present == present && is_left(one); }));
  }
  double fewest = std::numeric_limits<double>::infinity();
  for (const Groups& groups : ways) fewest = std::min(fewest, static_cast<double>(groups.size()));
  if (fewest == 0) return std::nullopt;
  // The cases count as the fewest groups that they fall into; both kinds and both ways of grouping
  // weigh alike.
  std::vector<Eigen::ArrayXXd> weights(grid.scatters.size(), grid.log_prior);
  for (const Groups& groups : ways) {
    const double weight = fewest / 2 / static_cast<double>(groups.size());
    for (const auto& [group, evidence] : groups) {
      for (size_t i = 0; i < weights.size(); ++i) weights[i] += weight * evidence[i];
    }
  }
  double largest = -std::numeric_limits<double>::infinity();
  for (const Eigen::ArrayXXd& at_scatter : weights) {
    largest = std::max(largest, at_scatter.maxCoeff());
  }
  // An unknown's own threshold is scattered, too.
  Eigen::MatrixXd sum = Eigen::MatrixXd::Zero(grid.sharpness.size(), grid.threshold.size());
  for (size_t i = 0; i < weights.size(); ++i) {
    sum += (weights[i] - largest).exp().matrix() * grid.scatters[i];
  }
  sum /= sum.sum();
  const auto cases = std::count_if(cases_.begin(), cases_.end(), is_left);
  return CandidateModel(sum.array(), yardstick_, static_cast<size_t>(cases));
}

}  // namespace forensics::analyzer
