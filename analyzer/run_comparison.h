// The distance of two runs in every signal.
#ifndef ANALYZER_RUN_COMPARISON_H_
#define ANALYZER_RUN_COMPARISON_H_

#include <map>
#include <set>

#include "analyzer/bit_changes.h"
#include "analyzer/contexts.h"
#include "analyzer/experiment.h"
#include "analyzer/signal_comparison.h"

namespace forensics::analyzer {

struct RunComparison {
  Contexts contexts;
  std::map<SignalId, SignalComparison> signals;
};

// Compares `signals` at the steps with the same context (CompareContexts). `format` is what hidden
// states and keys were computed in; log-probs are float32.
RunComparison CompareRuns(const RunRecord& a, const RunRecord& b, const std::set<SignalId>& signals,
                          bool same_reference = false,
                          NumberFormat format = NumberFormat::kFloat32);

}  // namespace forensics::analyzer

#endif  // ANALYZER_RUN_COMPARISON_H_
