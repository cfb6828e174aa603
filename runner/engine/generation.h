// One repetition: prefill, decode steps, captured signals.
#ifndef RUNNER_ENGINE_GENERATION_H_
#define RUNNER_ENGINE_GENERATION_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/engine/background_load.h"
#include "runner/engine/language_model.h"
#include "schema/run.pb.h"
#include "schema/shard.h"

namespace forensics::runner {

struct GenerationInput {
  TokenBatch prompts;  // sequence 0 is the one whose signals are captured
  int decode_steps = 0;
  schema::ExtractionConfig extraction;     // resolved
  std::optional<schema::SignalPart> part;  // what this rank holds, where it is not everything

  // With forced decoding the run whose tokens are fed, else null: every sequence then decodes
  // greedily. Sequences beyond 0 always do.
  const schema::Repetition* reference = nullptr;

  // Text of one token, for the records.
  std::function<std::string(int64_t token_id)> token_text;
  // Called before each step; a cancelled status ends the repetition.
  std::function<absl::Status(int step)> before_step;
  // Called after each decoder layer of each step.
  std::function<void(int layer)> after_layer;
  // Concurrent work from before the prefill until after the last token; none if not set.
  StartLoad start_load;
  // Called once after the last token, when the clock has stopped: how the machine is doing, for the
  // footer.
  std::function<std::map<std::string, std::string>()> machine_facts;
  // Wraps the recorder for this repetition, if set: tests of the instrument itself inject faults.
  std::function<Observer*(Observer*)> wrap_observer;
};

// Runs step 0 (the prefill) and decode_steps - 1 single-token steps from a fresh state, and returns
// steps, positions and footer; of the header `part`, the rest is the caller's. The clock runs from
// the first forward pass to the last token; capture's digests and log-probs come after it. The
// footer tells which shapes the kernels saw and, with start_load, how far that overlapped; if
// it did not, FailedPrecondition.
absl::StatusOr<schema::Repetition> Generate(LanguageModel& model, const GenerationInput& input);

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_GENERATION_H_
