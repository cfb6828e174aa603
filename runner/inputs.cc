#include "runner/inputs.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runner/cuda/gpu_label.h"
#include "runner/engine/machine.h"
#include "runner/prompt_source.h"
#include "schema/command_line.h"
#include "schema/run_directory.h"

namespace forensics::runner {
namespace {

using schema::ExperimentSpec;

// Where the reference is looked for: where the user says, else experiment 0's own place.
std::string ReferencePath(const ExperimentSpec& spec, const RunnerOptions& options,
                          const std::string& hardware) {
  if (!options.reference.empty()) return options.reference;
  if (spec.id() == 0) return "";
  return schema::RunDirectory(options.output, hardware,
                              absl::StrCat(schema::ShortHardware(hardware), "_reference"))
      .path();
}

absl::StatusOr<std::optional<ReferenceRun>> FindReference(const ExperimentSpec& spec,
                                                          const RunnerOptions& options,
                                                          const Inputs& inputs,
                                                          int64_t vocab_size) {
  std::optional<ReferenceRun> none;
  if (options.decoding == Decoding::kFree) return none;
  const std::string path = ReferencePath(spec, options, inputs.hardware);
  if (path.empty()) {
    if (options.decoding == Decoding::kDefault) return none;
    return schema::UsageError("--decoding=forced needs --reference=RUN_DIRECTORY");
  }
  absl::StatusOr<ReferenceRun> reference = ReadReferenceRun(path);
  if (!reference.ok()) return reference.status();
  absl::Status status = CheckReference(*reference, inputs.prompt, vocab_size, spec.decode_steps());
  if (status.ok() && ComparesFormats(spec)) {
    status = CheckReferenceFormat(*reference, spec.reference_config().quant_method());
  }
  if (!status.ok()) return status;
  return std::optional<ReferenceRun>(*std::move(reference));
}

absl::StatusOr<std::optional<BitFlip>> FindBitFlip(const ExperimentSpec& spec,
                                                   const RunnerOptions& options,
                                                   const ModelConfig& model) {
  std::optional<BitFlip> none;
  if (options.inject_bit_flip.empty()) return none;
  absl::StatusOr<BitFlip> flip = ParseBitFlip(options.inject_bit_flip);
  if (!flip.ok()) return flip.status();
  absl::Status status = CheckBitFlip(*flip, spec.repetitions(), spec.decode_steps(),
                                     static_cast<int>(model.num_hidden_layers), model.hidden_size);
  if (!status.ok()) return status;
  return std::optional<BitFlip>(*flip);
}

int LargestBatch(const std::vector<Configuration>& wanted) {
  int largest = 1;
  for (const Configuration& configuration : wanted) {
    largest = std::max(largest, configuration.config.batch_size());
  }
  return largest;
}

std::string DeviceLabel(const RunnerOptions& options) {
  return options.gpu.has_value() ? GpuLabel(options.gpu->name) : ThisCpuLabel(options.cpu_isa);
}

}  // namespace

absl::StatusOr<Inputs> PrepareInputs(const ExperimentSpec& spec,
                                     const std::vector<Configuration>& wanted,
                                     const RunnerOptions& options, const Checkpoint& model) {
  Inputs inputs;
  inputs.hardware = options.hardware.empty() ? DeviceLabel(options) : options.hardware;
  auto tokenizer = Tokenizer::FromFile(options.model + "/tokenizer.json");
  if (!tokenizer.ok()) return tokenizer.status();
  inputs.tokenizer = *std::move(tokenizer);
  const int64_t vocab_size = model.config().vocab_size;
  auto prompt = PreparePrompt(spec.prompt(), options, *inputs.tokenizer, vocab_size);
  if (!prompt.ok()) return prompt.status();
  inputs.prompt = *std::move(prompt);
  auto neighbours = PrepareNeighbours(spec.prompt(), options, *inputs.tokenizer, inputs.prompt,
                                      LargestBatch(wanted));
  if (!neighbours.ok()) return neighbours.status();
  inputs.neighbours = *std::move(neighbours);
  auto reference = FindReference(spec, options, inputs, vocab_size);
  if (!reference.ok()) return reference.status();
  inputs.reference = *std::move(reference);
  auto flip = FindBitFlip(spec, options, model.config());
  if (!flip.ok()) return schema::UsageError(flip.status().message());
  inputs.flip = *flip;
  return inputs;
}

}  // namespace forensics::runner
