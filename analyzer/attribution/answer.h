// One question answered for an unknown run.
#ifndef ANALYZER_ATTRIBUTION_ANSWER_H_
#define ANALYZER_ATTRIBUTION_ANSWER_H_

#include <optional>
#include <string>
#include <vector>

#include "Eigen/Core"
#include "absl/types/span.h"
#include "analyzer/attribution/known_runs.h"
#include "analyzer/attribution/leave_one_out.h"
#include "analyzer/attribution/origin_model.h"

namespace forensics::analyzer {

struct Candidate {
  std::string label;
  // In units of the noise: exp of its score (LabelScores). None where nothing is comparable.
  std::optional<double> distance;
  std::optional<double> probability;  // none where the library does not allow a calibration
  std::optional<double> p_value;      // ConformalPValue
};

struct Answer {
  std::vector<Candidate> candidates;  // the most probable first, else the nearest
  std::optional<double> none_of_these;
  size_t pairs = 0;  // of known runs that the probabilities follow from

  // The most probable label, kNoneOfThese, or kUndecided: several labels are equally probable, and
  // together more than none of these, or there are no probabilities.
  std::string text() const;
  // Of `text`; none for kUndecided.
  std::optional<double> confidence() const;
};

// What an unknown run shows: for each known run the log distance from it, NaN where nothing is
// comparable, and whether all that is comparable has the same bits.
struct Sighting {
  Eigen::VectorXd log_distances;
  std::vector<bool> identical;
};

// If any known run is identical, its labels share all probability equally: nothing else fits. Else
// by what the known runs' `log_distances` (LogDistances) tell.
Answer AnswerFor(const Question& question, const Eigen::MatrixXd& log_distances,
                 const Sighting& sighting);

// Whether the unknown is too far off for `label`: the share of blocks, its own included (it is
// taken to be of a new one), whose run of that label is at least as far from the nearest one
// elsewhere. Blocks that have no such run count. If the unknown's block is exchangeable with the
// known ones, its true label has a p-value of at most a with a probability of at most a (full
// conformal prediction; Vovk et al. 2005). Of b known blocks it is 1 / (b + 1) at least. Counted
// are blocks, not runs, since the runs on one hardware share what that hardware does. None where
// the unknown has no distance from a run of the label.
std::optional<double> ConformalPValue(const Question& question, size_t label,
                                      const Eigen::MatrixXd& log_distances,
                                      const Sighting& sighting);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_ANSWER_H_
