// The distance of two runs in every signal.
#ifndef ANALYZER_COMPARISON_RUN_COMPARISON_H_
#define ANALYZER_COMPARISON_RUN_COMPARISON_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "analyzer/comparison/bit_changes.h"
#include "analyzer/comparison/contexts.h"
#include "analyzer/comparison/signal_comparison.h"
#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

// The first comparable step at which two runs would have chosen different tokens.
struct TokenDivergence {
  int64_t step = 0;
  Step a;
  Step b;
};

// Where two runs part first, in the order in which a model computes.
struct Divergence {
  SignalId signal;
  SignalDivergence where;
};

struct RunComparison {
  Contexts contexts;
  std::map<SignalId, SignalComparison> signals;
  std::optional<TokenDivergence> first_divergent_token;

  // The forward pass first, then the layer, keys before hidden states, log-probs at the end, then
  // the position. None where no bit differs.
  std::optional<Divergence> FirstDivergence() const;

  // Every signal that either run stores has the same bits at every step, and so have the tokens.
  bool identical() const;
};

// A comparison of the two without any signal, and one of its signals at the steps of `contexts`:
// the parts of CompareRuns, for callers that compare one signal of many pairs before the next.
RunComparison CompareTokens(const RunRecord& a, const RunRecord& b, bool same_reference);
SignalComparison CompareSignal(const RunRecord& a, const RunRecord& b, const SignalId& signal,
                               const Contexts& contexts, NumberFormat format);

// Compares `signals` at the steps with the same context (CompareContexts). `format` is what hidden
// states and keys were computed in; log-probs are float32.
RunComparison CompareRuns(const RunRecord& a, const RunRecord& b, const std::set<SignalId>& signals,
                          bool same_reference = false,
                          NumberFormat format = NumberFormat::kFloat32);

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_RUN_COMPARISON_H_
