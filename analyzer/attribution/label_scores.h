// Labels by distance, where the other label of a run moves distances too.
#ifndef ANALYZER_ATTRIBUTION_LABEL_SCORES_H_
#define ANALYZER_ATTRIBUTION_LABEL_SCORES_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/types/span.h"

namespace forensics::analyzer {

// A known run, as the unknown sees it.
struct SeenRun {
  size_t label = 0;  // what is asked for: its value, or its hardware
  size_t block = 0;  // the other of the two
  double log_distance = 0;
};

// For each of `labels` labels the log distance from a run of that label in the block that is
// nearest, none for labels without a run. Known runs need not be there for all pairs of label and
// block: log distances are taken to be the sum of an effect of each (least squares, two-way without
// interaction), so that a label is not preferred because it was measured on near hardware alone.
// What the runs do not tell apart is shrunk to no effect.
std::vector<std::optional<double>> LabelScores(absl::Span<const SeenRun> runs, size_t labels,
                                               size_t blocks);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_LABEL_SCORES_H_
