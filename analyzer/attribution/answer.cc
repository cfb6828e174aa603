#include "analyzer/attribution/answer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>

#include "analyzer/attribution/label_scores.h"

namespace forensics::analyzer {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Probabilities that differ by less are equal.
constexpr double kTie = 1e-9;

// From the unknown to the nearest known run of `label`; infinite if there is none.
double NearestOf(const Question& question, size_t label, const Sighting& sighting) {
  double nearest = kInfinity;
  for (size_t i = 0; i < question.label.size(); ++i) {
    const double log_distance = sighting.log_distances(static_cast<Eigen::Index>(i));
    if (question.label[i] == label && !std::isnan(log_distance)) {
      nearest = std::min(nearest, log_distance);
    }
  }
  return nearest;
}

std::vector<std::optional<double>> ScoresOf(const Question& question, const Sighting& sighting) {
  std::vector<Cell> cells;
  for (size_t i = 0; i < question.label.size(); ++i) {
    const double log_distance = sighting.log_distances(static_cast<Eigen::Index>(i));
    if (!std::isnan(log_distance))
      cells.push_back({question.label[i], question.block[i], log_distance});
  }
  return LabelScores(cells, question.names.size(), question.blocks);
}

std::set<size_t> IdenticalLabels(const Question& question, const Sighting& sighting) {
  std::set<size_t> labels;
  for (size_t i = 0; i < question.label.size(); ++i) {
    if (sighting.identical[i]) labels.insert(question.label[i]);
  }
  return labels;
}

// Sets the probabilities of the candidates that have a distance.
void SetProbabilities(const std::vector<std::optional<double>>& scores, const CandidateModel& model,
                      Answer& answer) {
  std::vector<double> known;
  for (const std::optional<double>& score : scores) {
    if (score.has_value()) known.push_back(*score);
  }
  if (known.empty()) return;
  const std::vector<double> probabilities = model.Probabilities(known);
  size_t next = 0;
  for (size_t label = 0; label < scores.size(); ++label) {
    if (scores[label].has_value()) answer.candidates[label].probability = probabilities[next++];
  }
  answer.none_of_these = probabilities.back();
  answer.cases = model.cases();
}

auto Order(const Candidate& candidate) {
  return std::make_tuple(-candidate.probability.value_or(-1),
                         candidate.distance.value_or(kInfinity));
}

}  // namespace

std::string Answer::text() const {
  if (!none_of_these.has_value()) return kUndecided;
  const double best = candidates.front().probability.value_or(0);
  const auto ties = std::count_if(
      candidates.begin(), candidates.end(),
      [&](const Candidate& candidate) { return best - candidate.probability.value_or(0) < kTie; });
  const double together = static_cast<double>(ties) * best;
  if (std::abs(together - *none_of_these) < kTie) return kUndecided;
  if (*none_of_these > together) return kNoneOfThese;
  return ties > 1 ? kUndecided : candidates.front().label;
}

std::optional<double> Answer::confidence() const {
  const std::string answer = text();
  if (answer == kUndecided) return std::nullopt;
  return answer == kNoneOfThese ? none_of_these : candidates.front().probability;
}

Answer AnswerFor(const Question& question, const std::optional<CandidateModel>& model,
                 const Eigen::MatrixXd& log_distances, const Sighting& sighting) {
  Answer answer;
  const std::vector<std::optional<double>> scores = ScoresOf(question, sighting);
  for (size_t label = 0; label < question.names.size(); ++label) {
    Candidate& candidate = answer.candidates.emplace_back();
    candidate.label = question.names[label];
    if (scores[label].has_value()) candidate.distance = std::exp(*scores[label]);
    candidate.p_value = ConformalPValue(question, label, log_distances, sighting);
  }
  const std::set<size_t> identical = IdenticalLabels(question, sighting);
  if (!identical.empty()) {
    for (size_t label = 0; label < answer.candidates.size(); ++label) {
      answer.candidates[label].probability =
          identical.count(label) > 0 ? 1.0 / static_cast<double>(identical.size()) : 0.0;
    }
    answer.none_of_these = 0;
  } else if (model.has_value()) {
    SetProbabilities(scores, *model, answer);
  }
  std::stable_sort(answer.candidates.begin(), answer.candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return Order(a) < Order(b); });
  return answer;
}

double ConformalPValue(const Question& question, size_t label, const Eigen::MatrixXd& log_distances,
                       const Sighting& sighting) {
  const double unknown = NearestOf(question, label, sighting);
  const size_t n = question.label.size();
  // By block: from its run of the label to the nearest such run elsewhere, the unknown's included.
  std::vector<double> nearest(question.blocks, kInfinity);
  for (size_t i = 0; i < n; ++i) {
    if (question.label[i] != label) continue;
    double& in_block = nearest[question.block[i]];
    const double from_unknown = sighting.log_distances(static_cast<Eigen::Index>(i));
    if (!std::isnan(from_unknown)) in_block = std::min(in_block, from_unknown);
    for (size_t j = 0; j < n; ++j) {
      if (question.label[j] != label || question.block[j] == question.block[i]) continue;
      const double log_distance =
          log_distances(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j));
      if (!std::isnan(log_distance)) in_block = std::min(in_block, log_distance);
    }
  }
  const auto as_far = 1 + std::count_if(nearest.begin(), nearest.end(),
                                        [&](double other) { return other >= unknown; });
  return static_cast<double>(as_far) / static_cast<double>(question.blocks + 1);
}

}  // namespace forensics::analyzer
