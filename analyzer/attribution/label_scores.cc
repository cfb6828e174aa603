#include "analyzer/attribution/label_scores.h"

#include <algorithm>

#include "Eigen/Cholesky"
#include "Eigen/Core"

namespace forensics::analyzer {
namespace {

// Effects weigh as this part of a run each: what the runs tell is as good as untouched.
constexpr double kShrinkage = 1e-3;

}  // namespace

std::vector<std::optional<double>> LabelScores(absl::Span<const SeenRun> runs, size_t labels,
                                               size_t blocks) {
  std::vector<std::optional<double>> scores(labels);
  if (runs.empty()) return scores;
  // Unknowns: the mean, the labels' effects, the blocks' effects.
  const Eigen::Index unknowns = static_cast<Eigen::Index>(1 + labels + blocks);
  Eigen::MatrixXd normal = Eigen::MatrixXd::Zero(unknowns, unknowns);
  Eigen::VectorXd right = Eigen::VectorXd::Zero(unknowns);
  normal.diagonal().tail(unknowns - 1).setConstant(kShrinkage);
  const auto at_label = [](size_t label) { return static_cast<Eigen::Index>(1 + label); };
  const auto at_block = [&](size_t block) { return static_cast<Eigen::Index>(1 + labels + block); };
  for (const SeenRun& run : runs) {
    const Eigen::Index places[] = {0, at_label(run.label), at_block(run.block)};
    for (const Eigen::Index row : places) {
      for (const Eigen::Index column : places) normal(row, column) += 1;
      right(row) += run.log_distance;
    }
  }
  const Eigen::VectorXd effects = normal.ldlt().solve(right);
  double nearest_block = effects(at_block(runs.front().block));
  for (const SeenRun& run : runs) {
    nearest_block = std::min(nearest_block, effects(at_block(run.block)));
  }
  for (const SeenRun& run : runs) {
    scores[run.label] = effects(0) + effects(at_label(run.label)) + nearest_block;
  }
  return scores;
}

}  // namespace forensics::analyzer
