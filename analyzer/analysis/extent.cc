#include "analyzer/analysis/extent.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "analyzer/analysis/gaps.h"
#include "analyzer/analysis/hardware.h"

namespace forensics::analyzer {

int64_t CountPairs(const Experiment& experiment) {
  const std::vector<HardwareGroup> groups = GroupByHardware(experiment);
  const auto size = [&](size_t i) { return static_cast<int64_t>(groups[i].configurations.size()); };
  int64_t pairs = 0;
  for (size_t a = 0; a < groups.size(); ++a) {
    pairs += (size(a) - 1) * static_cast<int64_t>(groups.size());
    for (size_t b = a + 1; b < groups.size(); ++b) pairs += std::min(size(a), size(b));
  }
  return pairs;
}

absl::Status CheckExtent(const Experiment& experiment) {
  const int64_t pairs = CountPairs(experiment);
  const auto signals = static_cast<int64_t>(SignalsOf(experiment).size());
  if (std::max<int64_t>(pairs, 1) * signals <= kMostPairSignals) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat(
      experiment.path, ": at /configurations: up to ", pairs, " pairs of configurations with ",
      signals, " signals each, more than ", kMostPairSignals,
      " signals of pairs in all; compare parts of the experiment, each with the baselines"));
}

}  // namespace forensics::analyzer
