#include "analyzer/reading/experiment.h"

#include "absl/strings/str_cat.h"

namespace forensics::analyzer {

const char* PhaseName(Phase phase) {
  switch (phase) {
    case Phase::kAll:
      return "all";
    case Phase::kPrefill:
      return "prefill";
    case Phase::kDecode:
      break;
  }
  return "decode";
}

std::string SignalName(const SignalId& signal) {
  switch (signal.kind) {
    case SignalKind::kHiddenStates:
      return absl::StrCat("hidden_states/layer_", signal.layer);
    case SignalKind::kKeyVectors:
      return absl::StrCat("key_vectors/layer_", signal.layer);
    case SignalKind::kLogProbs:
      break;
  }
  return "logprobs";
}

}  // namespace forensics::analyzer
