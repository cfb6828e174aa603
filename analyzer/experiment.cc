#include "analyzer/experiment.h"

#include "absl/strings/str_cat.h"

namespace forensics::analyzer {

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
