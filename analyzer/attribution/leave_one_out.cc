#include "analyzer/attribution/leave_one_out.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "absl/strings/str_format.h"
#include "analyzer/attribution/origin_model.h"
#include "analyzer/parallel/parallel.h"
#include "boost/math/distributions/binomial.hpp"

namespace forensics::analyzer {
namespace {

// What `run` sees of the runs in other blocks than its own: NaN for all others and for the label
// `absent`.
Eigen::VectorXd SeenBy(size_t run, const Question& question, const Eigen::MatrixXd& log_distances,
                       std::optional<size_t> absent) {
  Eigen::VectorXd seen = log_distances.col(static_cast<Eigen::Index>(run));
  for (size_t other = 0; other < question.label.size(); ++other) {
    if (question.block[other] == question.block[run] || question.label[other] == absent) {
      seen(static_cast<Eigen::Index>(other)) = std::numeric_limits<double>::quiet_NaN();
    }
  }
  return seen;
}

double Largest(const LabelProbabilities& probabilities) {
  double largest = probabilities.none_of_these;
  for (const std::optional<double>& one : probabilities.labels) {
    largest = std::max(largest, one.value_or(0));
  }
  return largest;
}

// One question after a run's label, with its label among the known ones or without.
struct Asked {
  bool is_present = false;
  size_t answer = 0;      // Decide
  double confidence = 0;  // of the answer
};

std::vector<Asked> AskFor(size_t run, const Question& question,
                          const Eigen::MatrixXd& log_distances) {
  std::vector<Asked> both;
  const std::optional<LibraryDistances> library = LibraryDistancesOf(question, log_distances, run);
  if (!library.has_value()) return both;
  const size_t label = question.label[run];
  for (const bool is_present : {true, false}) {
    const Eigen::VectorXd seen = SeenBy(run, question, log_distances,
                                        is_present ? std::nullopt : std::optional<size_t>(label));
    if (seen.array().isNaN().all()) continue;
    const LabelProbabilities probabilities = ProbabilitiesOf(question, *library, seen);
    if (is_present && !probabilities.labels[label].has_value()) continue;
    both.push_back({is_present, Decide(probabilities), Largest(probabilities)});
  }
  return both;
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

std::string ConfusionMatrix::Caveat(double level) const {
  const std::optional<double> stated = mean_confidence();
  const std::optional<Interval> shown = present_rate.interval(level);
  if (!stated.has_value() || !shown.has_value()) return "";
  if (*stated >= shown->low && *stated <= shown->high) return "";
  const bool is_overstated = *stated > shown->high;
  return absl::StrFormat(
      "the library's own runs are told apart %s often than is stated: %d of %d right (%g %% "
      "interval %.2f to %.2f) with a mean confidence of %.2f, so probabilities are rather too %s",
      is_overstated ? "less" : "more", present_rate.right, present_rate.asked, 100 * level,
      shown->low, shown->high, *stated, is_overstated ? "large" : "small");
}

ConfusionMatrix Rehearse(const Question& question, const Eigen::MatrixXd& log_distances) {
  const size_t labels = question.names.size();
  ConfusionMatrix confusion;
  confusion.labels = question.names;
  confusion.matrix.assign(labels, std::vector<int64_t>(labels + 2, 0));
  confusion.absent.assign(labels + 2, 0);
  std::vector<std::vector<Asked>> asked(question.label.size());
  std::vector<std::function<void()>> tasks;
  for (size_t run = 0; run < asked.size(); ++run) {
    tasks.push_back([&, run] { asked[run] = AskFor(run, question, log_distances); });
  }
  RunOnAllCores(tasks);
  for (size_t run = 0; run < asked.size(); ++run) {
    for (const auto& [is_present, answer, confidence] : asked[run]) {
      const size_t truth = is_present ? question.label[run] : labels;
      ++(is_present ? confusion.matrix[truth] : confusion.absent)[answer];
      HitRate& rate = is_present ? confusion.present_rate : confusion.absent_rate;
      ++rate.asked;
      if (answer == truth) ++rate.right;
      if (is_present) confusion.confidence_sum += confidence;
    }
  }
  return confusion;
}

LeaveOneOut LeaveEachOut(absl::Span<const Labels> labels, const PairDistances& distances) {
  const Eigen::MatrixXd logs = LogDistances(distances, NoiseScalesOf(labels, distances));
  return {Rehearse(QuestionOfValue(labels, distances), logs),
          Rehearse(QuestionOfHardware(labels, distances), logs)};
}

LeaveOneOut LeaveEachOut(absl::Span<const ComparedRun> runs, absl::Span<const Labels> labels) {
  return LeaveEachOut(labels, DistancesBetween(runs));
}

}  // namespace forensics::analyzer
