#include "runner/repetitions.h"

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "runner/capture/bit_flip.h"
#include "runner/cuda/gpu_info.h"
#include "runner/engine/gpu_memory.h"
#include "runner/load_beside.h"
#include "schema/rank_join.h"

namespace forensics::runner {

absl::StatusOr<schema::Repetition> Repetitions::Run(int repetition) {
  if (absl::Status status = LoadWeights(); !status.ok()) return status;
  GenerationInput input = NewInput();
  std::unique_ptr<BitFlipper> flipper;
  if (inputs_.flip.has_value() && inputs_.flip->repetition == repetition) {
    input.wrap_observer = [&](Observer* recorder) {
      flipper = std::make_unique<BitFlipper>(*inputs_.flip, recorder);
      return flipper.get();
    };
  }
  input.after_layer = [&](int layer) { AfterLayer(layer); };
  input.before_step = [&](int step) {
    if (flipper != nullptr) flipper->BeginStep(step);
    return BeforeStep(repetition, step);
  };
  auto result = Generate(model_, input);
  if (!result.ok()) {
    progress_.Abandon();
    return result;
  }
  progress_.End();
  seconds_ = result->footer.runtime_seconds();
  return result;
}

// A model that is too large is better named before a minute of loading than after it.
absl::Status Repetitions::CheckMemory() const {
  const int64_t batch = identity_.config().batch_size();
  const int64_t prompt_tokens = identity_.prompt().token_ids_size();
  const int64_t capacity = prompt_tokens + identity_.decode_steps() - 1;
  if (!options_.gpu.has_value()) return model_.CheckMemory(batch, prompt_tokens, capacity);
  const Checkpoint& checkpoint = model_.checkpoint();
  const absl::StatusOr<int64_t> weight_bytes = WeightFileBytes(checkpoint.directory());
  if (!weight_bytes.ok()) return weight_bytes.status();
  GpuWork work;
  work.weight_file_bytes = *weight_bytes;
  work.parameters = identity_.model().parameters();
  work.bfloat16 = identity_.config().dtype() == "bfloat16";
  work.ranks = schema::WorldSize(identity_.config());
  work.batch = batch;
  work.prompt_tokens = prompt_tokens;
  work.capacity = capacity;
  const absl::StatusOr<GpuMemory> memory = ReadGpuMemory();
  if (!memory.ok()) return memory.status();
  return CheckFits(checkpoint.directory(), EstimateGpuMemory(checkpoint.config(), work), *memory);
}

absl::Status Repetitions::LoadWeights() {
  if (model_.HasWeights()) return absl::OkStatus();
  if (absl::Status status = CheckMemory(); !status.ok()) return status;
  progress_.Begin("loading weights", identity_.model().num_hidden_layers(), "layers");
  absl::Status status = model_.LoadWeights([&](int64_t done, int64_t) { progress_.Done(done); });
  if (!status.ok()) {
    progress_.Abandon();
    return status;
  }
  progress_.End();
  return options_.gpu.has_value() ? WarmUp() : absl::OkStatus();
}

// What a GPU does once (loading kernels, choosing cuBLAS's, its work spaces) would otherwise be
// part of the first repetition's time alone. Bits do not depend on it: nothing is kept.
absl::Status Repetitions::WarmUp() {
  progress_.Begin("warming up", 0, "");
  GenerationInput input = NewInput();
  input.decode_steps = std::min(2, input.decode_steps);
  input.start_load = {};
  const absl::Status status = Generate(model_, input).status();
  if (status.ok()) {
    progress_.End();
  } else {
    progress_.Abandon();
  }
  return status;
}

GenerationInput Repetitions::NewInput() const {
  GenerationInput input;
  input.prompts = {{inputs_.prompt.token_ids().begin(), inputs_.prompt.token_ids().end()}};
  for (int i = 1; i < identity_.config().batch_size(); ++i) {
    input.prompts.push_back(inputs_.neighbours[i - 1].token_ids);
  }
  if (identity_.config().concurrent_work()) input.start_load = LoadBeside(options_).start;
  if (options_.gpu.has_value()) {
    input.machine_facts = [this] { return ConditionOf(*options_.gpu); };
  }
  input.decode_steps = identity_.decode_steps();
  input.extraction = identity_.extraction();
  input.part = model_.Part();
  if (inputs_.reference.has_value()) input.reference = &inputs_.reference->repetition;
  input.token_text = [this](int64_t id) { return inputs_.tokenizer->DecodeUtf8({id}); };
  return input;
}

int64_t Repetitions::PromptTokens() const {
  return int64_t{identity_.config().batch_size()} * inputs_.prompt.token_ids_size();
}

absl::Status Repetitions::BeforeStep(int repetition, int step) {
  if (options_.interrupted && options_.interrupted()) {
    return absl::CancelledError(
        "interrupted; finished repetitions are kept, and the same command goes on from there");
  }
  step_ = step;
  const int repetitions = identity_.experiment().repetitions();
  const std::string name = absl::StrCat("repetition ", repetition + 1, " of ", repetitions);
  const double after = seconds_ * (repetitions - repetition - 1);
  if (step == 0) {
    progress_.Begin(name + ", prefill", PromptTokens(), "tokens", after);
  } else if (step == 1) {
    progress_.Begin(name + ", decode", identity_.decode_steps() - 1, "tokens", after);
  } else {
    progress_.Done(step - 1);
  }
  return absl::OkStatus();
}

// The prefill is one step, but it can be a long one.
void Repetitions::AfterLayer(int layer) {
  if (step_ > 0) return;
  progress_.Done(PromptTokens() * (layer + 1) / identity_.model().num_hidden_layers());
}

}  // namespace forensics::runner
