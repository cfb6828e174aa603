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
  std::vector<SeenRun> runs;
  for (size_t i = 0; i < question.label.size(); ++i) {
    const double log_distance = sighting.log_distances(static_cast<Eigen::Index>(i));
    if (std::isnan(log_distance)) continue;
    runs.push_back({question.label[i], question.block[i], log_distance});
  }
  return LabelScores(runs, question.names.size(), question.blocks);
}

std::set<size_t> IdenticalLabels(const Question& question, const Sighting& sighting) {
  std::set<size_t> labels;
  for (size_t i = 0; i < question.label.size(); ++i) {
    if (sighting.identical[i]) labels.insert(question.label[i]);
  }
  return labels;
}

auto Order(const Candidate& candidate) {
  return std::make_tuple(-candidate.probability.value_or(-1),
                         candidate.distance.value_or(kInfinity));
}

}  // namespace

std::string Answer::text() const {
  if (!none_of_these.has_value()) return kUndecided;
  LabelProbabilities probabilities;
  for (const Candidate& candidate : candidates) {
    probabilities.labels.push_back(candidate.probability);
  }
  probabilities.none_of_these = *none_of_these;
  const size_t answer = Decide(probabilities);
  if (answer < candidates.size()) return candidates[answer].label;
  return answer == candidates.size() ? kNoneOfThese : kUndecided;
}

std::optional<double> Answer::confidence() const {
  const std::string answer = text();
  if (answer == kUndecided) return std::nullopt;
  return answer == kNoneOfThese ? none_of_these : candidates.front().probability;
}

Answer AnswerFor(const Question& question, const Eigen::MatrixXd& log_distances,
                 const Sighting& sighting) {
  Answer answer;
  const std::vector<std::optional<double>> scores = ScoresOf(question, sighting);
  for (size_t label = 0; label < question.names.size(); ++label) {
    Candidate& candidate = answer.candidates.emplace_back();
    candidate.label = question.names[label];
    if (scores[label].has_value()) candidate.distance = std::exp(*scores[label]);
    candidate.p_value = ConformalPValue(question, label, log_distances, sighting);
  }
  const std::set<size_t> identical = IdenticalLabels(question, sighting);
  const std::optional<LibraryDistances> library = LibraryDistancesOf(question, log_distances);
  if (!identical.empty()) {
    for (size_t label = 0; label < answer.candidates.size(); ++label) {
      answer.candidates[label].probability =
          identical.count(label) > 0 ? 1.0 / static_cast<double>(identical.size()) : 0.0;
    }
    answer.none_of_these = 0;
  } else if (library.has_value() && !sighting.log_distances.array().isNaN().all()) {
    const LabelProbabilities found = ProbabilitiesOf(question, *library, sighting.log_distances);
    for (size_t label = 0; label < answer.candidates.size(); ++label) {
      answer.candidates[label].probability = found.labels[label];
    }
    answer.none_of_these = found.none_of_these;
    answer.pairs = library->pairs;
  }
  std::stable_sort(answer.candidates.begin(), answer.candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return Order(a) < Order(b); });
  return answer;
}

std::optional<double> ConformalPValue(const Question& question, size_t label,
                                      const Eigen::MatrixXd& log_distances,
                                      const Sighting& sighting) {
  const double unknown = NearestOf(question, label, sighting);
  if (unknown == kInfinity) return std::nullopt;
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
