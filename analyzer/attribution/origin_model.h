// From distances to probabilities: which label, or none of these.
//
// An unknown run has a known label in a new block, a new label in a known or a new block, or a
// known label in a block where the library lacks it. Each such origin expects a distance from every
// known run: squares of what two labels differ by and of what two blocks differ by add up. A new
// one is like one of the known ones, as far from all others as that is, and hardly less far from it
// than they are. What is left unexplained is normal, of an unknown size, and shared by the runs of
// a label or a block, so that many runs of few labels do not make it sure (docs/numerics.md has the
// model, and how often its probabilities are right).
#ifndef ANALYZER_ATTRIBUTION_ORIGIN_MODEL_H_
#define ANALYZER_ATTRIBUTION_ORIGIN_MODEL_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "Eigen/Core"
#include "analyzer/attribution/known_runs.h"

namespace forensics::analyzer {

// What the pairs of known runs tell.
struct LibraryDistances {
  // Mean squares, symmetric: [label, label] between runs of two labels in one block, [block, block]
  // between runs of one label in two blocks. The diagonals are 0; what no pair tells is the mean of
  // the others.
  Eigen::MatrixXd labels;
  Eigen::MatrixXd blocks;
  size_t pairs = 0;  // that they follow from
};

// From all pairs but those of the run `without`. None unless a label is known in two blocks and
// some pair is of two labels: nothing would tell the two apart.
std::optional<LibraryDistances> LibraryDistancesOf(const Question& question,
                                                   const Eigen::MatrixXd& log_distances,
                                                   std::optional<size_t> without = std::nullopt);

struct LabelProbabilities {
  std::vector<std::optional<double>> labels;  // none: no run of it is seen
  double none_of_these = 0;
};

// `seen`: the unknown's log distance from each known run, NaN where it has none; not all of them.
// The prior probability of "none of these" is one half. That the unknown has the bits of a known
// run is left out: a label in a block that it is seen in is no origin.
LabelProbabilities ProbabilitiesOf(const Question& question, const LibraryDistances& library,
                                   const Eigen::VectorXd& seen);

// The answer: an index of `labels`, their number for none of these, one more for undecided, if
// several labels are equally probable, and together at least as much as none of these.
size_t Decide(const LabelProbabilities& probabilities);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_ORIGIN_MODEL_H_
