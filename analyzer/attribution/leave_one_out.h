// What the known configurations say of one another: each is attributed by the rest.
#ifndef ANALYZER_ATTRIBUTION_LEAVE_ONE_OUT_H_
#define ANALYZER_ATTRIBUTION_LEAVE_ONE_OUT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "Eigen/Core"
#include "absl/types/span.h"
#include "analyzer/attribution/known_runs.h"
#include "analyzer/statistics/resampling.h"

namespace forensics::analyzer {

inline constexpr char kNoneOfThese[] = "none of these";
inline constexpr char kUndecided[] = "undecided";

// `right` of `asked`, with the Clopper-Pearson interval of the rate.
struct HitRate {
  int64_t asked = 0;
  int64_t right = 0;

  std::optional<double> rate() const;                    // none if nothing was asked
  std::optional<Interval> interval(double level) const;  // none if nothing was asked
};

// Columns of the matrix and of `absent`: the labels, "none of these", "undecided" (several labels
// are equally likely).
struct ConfusionMatrix {
  std::vector<std::string> labels;
  std::vector<std::vector<int64_t>> matrix;  // a row a label: how often it was answered with what
  std::vector<int64_t> absent;               // the answers where the truth was not in the library
  HitRate present_rate;
  HitRate absent_rate;
  double confidence_sum = 0;  // of the answers of `matrix`

  std::vector<std::string> answers() const;
  std::optional<double> mean_confidence() const;

  // Where the mean confidence lies outside the interval of `present_rate`, what that means for a
  // probability that is stated, in a sentence; else empty.
  std::string Caveat(double level) const;
};

// Takes out each known run and asks for its label: by the runs in other blocks alone (for its value
// those of other hardware, for its hardware those of other values), once with its label among them
// and once without. Its own distances are no part of what probabilities follow from. A run whose
// label stands in no other block cannot be asked for. `log_distances`: LogDistances.
ConfusionMatrix Rehearse(const Question& question, const Eigen::MatrixXd& log_distances);

struct LeaveOneOut {
  ConfusionMatrix by_value;
  ConfusionMatrix by_hardware;
};

// Both questions, to runs with these labels and distances.
LeaveOneOut LeaveEachOut(absl::Span<const Labels> labels, const PairDistances& distances);

// Of an experiment: all pairs of `runs`, which all have a run.
LeaveOneOut LeaveEachOut(absl::Span<const ComparedRun> runs, absl::Span<const Labels> labels);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_LEAVE_ONE_OUT_H_
