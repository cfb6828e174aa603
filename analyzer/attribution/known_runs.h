// The known configurations, their labels, and how far they are from one another.
#ifndef ANALYZER_ATTRIBUTION_KNOWN_RUNS_H_
#define ANALYZER_ATTRIBUTION_KNOWN_RUNS_H_

#include <string>
#include <vector>

#include "Eigen/Core"
#include "absl/types/span.h"
#include "analyzer/attribution/run_distance.h"

namespace forensics::analyzer {

struct Labels {
  std::string value;  // of the variable, or which setup
  std::string hardware;
};

// Distances of each two of a list: [i][j] for j < i.
using PairDistances = std::vector<std::vector<RunDistance>>;

// The pairs are shared among cores. All have a run.
PairDistances DistancesBetween(absl::Span<const ComparedRun> runs);

// Geometric means, in each signal, of the distances that a change of hardware alone makes; in
// signals without such a pair, or where none has a distance, of all pairs' distances. Signals in
// which no pair has a distance have no scale.
NoiseScales NoiseScalesOf(absl::Span<const Labels> labels, const PairDistances& distances);

// LogDistance of each two; NaN where nothing is comparable. Symmetric; the diagonal is NaN.
Eigen::MatrixXd LogDistances(const PairDistances& distances, const NoiseScales& scales);

// One of the two questions, with the labels and blocks that can be told apart; all blocks where
// none can.
struct Question {
  std::vector<std::string> names;  // of the labels, as they first appear
  std::vector<size_t> label;       // of each known run: an index of `names`
  std::vector<size_t> block;       // of each known run: which label of the other question it has
  size_t blocks = 0;
};

// Values that no compared bit tells apart on any hardware that has both are one label ("1, 2").
Question QuestionOfValue(absl::Span<const Labels> labels, const PairDistances& distances);
// The same of hardware.
Question QuestionOfHardware(absl::Span<const Labels> labels, const PairDistances& distances);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_KNOWN_RUNS_H_
