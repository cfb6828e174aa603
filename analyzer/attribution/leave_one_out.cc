#include "analyzer/attribution/leave_one_out.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "analyzer/attribution/label_scores.h"
#include "analyzer/parallel/parallel.h"
#include "boost/math/distributions/binomial.hpp"

namespace forensics::analyzer {
namespace {

// Probabilities that differ by less are equal.
constexpr double kTie = 1e-9;

// The labels that have a score, and the case they make.
struct AskedCase {
  std::vector<size_t> labels;  // of the case's scores
  AttributionCase observed;
};

// The known runs in other blocks than `run`'s, without those of `absent`, if any.
std::vector<Cell> CellsSeenBy(size_t run, const Question& question,
                              const Eigen::MatrixXd& log_distances, std::optional<size_t> absent) {
  std::vector<Cell> cells;
  for (size_t other = 0; other < question.label.size(); ++other) {
    if (question.block[other] == question.block[run] || question.label[other] == absent) continue;
    const double log_distance =
        log_distances(static_cast<Eigen::Index>(run), static_cast<Eigen::Index>(other));
    if (std::isnan(log_distance)) continue;
    cells.push_back({question.label[other], question.block[other], log_distance});
  }
  return cells;
}

// None if the run cannot be asked for.
std::optional<AskedCase> MakeCase(size_t run, const Question& question,
                                  const Eigen::MatrixXd& log_distances, bool is_absent) {
  const size_t truth = question.label[run];
  AskedCase asked;
  asked.observed.label = truth;
  asked.observed.block = question.block[run];
  const std::vector<Cell> cells = CellsSeenBy(
      run, question, log_distances, is_absent ? std::optional<size_t>(truth) : std::nullopt);
  const auto scores = LabelScores(cells, question.names.size(), question.blocks);
  for (size_t label = 0; label < scores.size(); ++label) {
    if (!scores[label].has_value()) continue;
    if (label == truth) asked.observed.truth = asked.labels.size();
    asked.labels.push_back(label);
    asked.observed.scores.push_back(*scores[label]);
  }
  if (asked.labels.empty() || asked.observed.truth.has_value() == is_absent) return std::nullopt;
  return asked;
}

std::vector<AskedCase> AskAll(const Question& question, const Eigen::MatrixXd& log_distances) {
  std::vector<AskedCase> all;
  for (size_t run = 0; run < question.label.size(); ++run) {
    for (const bool is_absent : {false, true}) {
      std::optional<AskedCase> asked = MakeCase(run, question, log_distances, is_absent);
      if (asked.has_value()) all.push_back(*std::move(asked));
    }
  }
  return all;
}

// The column of the most probable answer: a label, the number of labels for none of these, one
// more for undecided (Answer::text).
size_t AnswerOf(const AskedCase& asked, const std::vector<double>& probabilities, size_t labels) {
  const auto none = std::prev(probabilities.end());
  const auto best = std::max_element(probabilities.begin(), none);
  const auto ties = std::count_if(probabilities.begin(), none,
                                  [&](double p) { return std::abs(*best - p) < kTie; });
  const double together = static_cast<double>(ties) * *best;
  if (std::abs(together - *none) < kTie) return labels + 1;
  if (*none > together) return labels;
  return ties > 1 ? labels + 1 : asked.labels[static_cast<size_t>(best - probabilities.begin())];
}

}  // namespace

std::optional<double> HitRate::rate() const {
  if (asked == 0) return std::nullopt;
  return static_cast<double>(right) / static_cast<double>(asked);
}

std::optional<Interval> HitRate::interval(double level) const {
  if (asked == 0) return std::nullopt;
  using Binomial = boost::math::binomial_distribution<>;
  const double tail = (1 - level) / 2;
  const double n = static_cast<double>(asked), k = static_cast<double>(right);
  return Interval{Binomial::find_lower_bound_on_p(n, k, tail),
                  Binomial::find_upper_bound_on_p(n, k, tail)};
}

std::vector<std::string> ConfusionMatrix::answers() const {
  std::vector<std::string> answers = labels;
  answers.insert(answers.end(), {kNoneOfThese, kUndecided});
  return answers;
}

std::optional<double> ConfusionMatrix::mean_confidence() const {
  if (present_rate.asked == 0) return std::nullopt;
  return confidence_sum / static_cast<double>(present_rate.asked);
}

std::vector<AttributionCase> CasesOf(const Question& question,
                                     const Eigen::MatrixXd& log_distances) {
  std::vector<AttributionCase> cases;
  for (AskedCase& asked : AskAll(question, log_distances)) {
    cases.push_back(std::move(asked.observed));
  }
  return cases;
}

std::optional<CandidateModel> ModelOf(const Question& question,
                                      const Eigen::MatrixXd& log_distances) {
  return CandidateLearner(CasesOf(question, log_distances)).Learn();
}

ConfusionMatrix Rehearse(const Question& question, const Eigen::MatrixXd& log_distances) {
  const size_t labels = question.names.size();
  ConfusionMatrix confusion;
  confusion.labels = question.names;
  confusion.matrix.assign(labels, std::vector<int64_t>(labels + 2, 0));
  confusion.absent.assign(labels + 2, 0);
  const CandidateLearner learner(CasesOf(question, log_distances));
  std::vector<std::optional<CandidateModel>> models;
  for (size_t block = 0; block < question.blocks; ++block) models.push_back(learner.Learn(block));
  for (const AskedCase& asked : AskAll(question, log_distances)) {
    const AttributionCase& observed = asked.observed;
    const std::optional<CandidateModel>& model = models[observed.block];
    if (!model.has_value()) continue;
    const std::vector<double> probabilities = model->Probabilities(observed.scores);
    const size_t answer = AnswerOf(asked, probabilities, labels);
    const bool is_present = observed.truth.has_value();
    const size_t truth = is_present ? observed.label : labels;
    ++(is_present ? confusion.matrix[truth] : confusion.absent)[answer];
    HitRate& rate = is_present ? confusion.present_rate : confusion.absent_rate;
    ++rate.asked;
    if (answer == truth) ++rate.right;
    if (is_present) {
      confusion.confidence_sum += *std::max_element(probabilities.begin(), probabilities.end());
    }
  }
  return confusion;
}

LeaveOneOut LeaveEachOut(absl::Span<const ComparedRun> runs, absl::Span<const Labels> labels) {
  const PairDistances distances = DistancesBetween(runs);
  const Eigen::MatrixXd logs = LogDistances(distances, NoiseScalesOf(labels, distances));
  LeaveOneOut result;
  RunOnAllCores(
      {[&] { result.by_value = Rehearse(QuestionOfValue(labels, distances), logs); },
       [&] { result.by_hardware = Rehearse(QuestionOfHardware(labels, distances), logs); }});
  return result;
}

}  // namespace forensics::analyzer
