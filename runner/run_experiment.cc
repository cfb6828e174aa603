#include "runner/run_experiment.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runner/capture/bit_flip.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/engine/decoder_language_model.h"
#include "runner/engine/generation.h"
#include "runner/engine/machine.h"
#include "runner/engine/model_info.h"
#include "runner/engine/session.h"
#include "runner/experiment_spec.h"
#include "runner/prompt_source.h"
#include "runner/reference_run.h"
#include "runner/tokenizer/tokenizer.h"
#include "schema/command_line.h"

namespace forensics::runner {
namespace {

using schema::ExperimentSpec;
using schema::RunManifest;

// What all configurations of an experiment share.
struct Inputs {
  std::unique_ptr<Checkpoint> checkpoint;
  std::unique_ptr<Tokenizer> tokenizer;
  schema::ModelInfo model;
  schema::PromptInfo prompt;
  schema::ExtractionConfig extraction;
  std::string hardware;
  std::optional<ReferenceRun> reference;  // whose tokens are fed
  std::optional<BitFlip> flip;
};

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
                                                          const Inputs& inputs) {
  std::optional<ReferenceRun> none;
  if (options.decoding == Decoding::kFree) return none;
  const std::string path = ReferencePath(spec, options, inputs.hardware);
  if (path.empty()) {
    if (options.decoding == Decoding::kDefault) return none;
    return schema::UsageError("--decoding=forced needs --reference=RUN_DIRECTORY");
  }
  absl::StatusOr<ReferenceRun> reference = ReadReferenceRun(path);
  if (!reference.ok()) return reference.status();
  absl::Status status =
      CheckReference(*reference, inputs.prompt, inputs.model, spec.decode_steps());
  if (!status.ok()) return status;
  return std::optional<ReferenceRun>(*std::move(reference));
}

absl::StatusOr<std::optional<BitFlip>> FindBitFlip(const ExperimentSpec& spec,
                                                   const RunnerOptions& options,
                                                   const schema::ModelInfo& model) {
  std::optional<BitFlip> none;
  if (options.inject_bit_flip.empty()) return none;
  absl::StatusOr<BitFlip> flip = ParseBitFlip(options.inject_bit_flip);
  if (!flip.ok()) return flip.status();
  absl::Status status = CheckBitFlip(*flip, spec.repetitions(), spec.decode_steps(),
                                     model.num_hidden_layers(), model.hidden_size());
  if (!status.ok()) return status;
  return std::optional<BitFlip>(*flip);
}

absl::StatusOr<Inputs> PrepareInputs(const ExperimentSpec& spec, const RunnerOptions& options,
                                     Progress& progress) {
  Inputs inputs;
  progress.Begin(absl::StrCat("checking ", options.model), 0, "");
  auto checkpoint = Checkpoint::Open(options.model);
  if (!checkpoint.ok()) return checkpoint.status();
  inputs.checkpoint = *std::move(checkpoint);
  auto tokenizer = Tokenizer::FromFile(options.model + "/tokenizer.json");
  if (!tokenizer.ok()) return tokenizer.status();
  inputs.tokenizer = *std::move(tokenizer);
  auto model = DescribeModel(*inputs.checkpoint);
  if (!model.ok()) return model.status();
  inputs.model = *std::move(model);
  auto extraction = ResolveExtraction(spec.extraction(), inputs.model.num_hidden_layers());
  if (!extraction.ok()) return extraction.status();
  inputs.extraction = *std::move(extraction);
  progress.Begin(absl::StrCat("reading ", options.prompt_tokens.empty() ? options.document
                                                                        : options.prompt_tokens),
                 0, "");
  auto prompt = PreparePrompt(spec.prompt(), options, *inputs.tokenizer, inputs.model.vocab_size());
  if (!prompt.ok()) return prompt.status();
  inputs.prompt = *std::move(prompt);
  inputs.hardware = options.hardware.empty() ? ThisCpuLabel() : options.hardware;
  auto reference = FindReference(spec, options, inputs);
  if (!reference.ok()) return reference.status();
  inputs.reference = *std::move(reference);
  auto flip = FindBitFlip(spec, options, inputs.model);
  if (!flip.ok()) return schema::UsageError(flip.status().message());
  inputs.flip = *flip;
  progress.End();
  return inputs;
}

schema::DecodingInfo DescribeDecoding(const std::optional<ReferenceRun>& reference) {
  schema::DecodingInfo decoding;
  if (!reference.has_value()) return decoding;
  decoding.set_forced(true);
  decoding.set_reference_config_id(reference->manifest.config_id());
  decoding.set_reference_hardware(reference->manifest.hardware());
  decoding.set_reference_signals_sha256(reference->repetition.footer.signals_sha256());
  return decoding;
}

// The manifest of a configuration before anything has run; see RunSession.
RunManifest IdentityOf(const ExperimentSpec& spec, const Configuration& configuration,
                       const RunnerOptions& options, const Inputs& inputs,
                       const DecoderModel& model) {
  RunManifest manifest;
  manifest.set_schema_version(schema::kSchemaVersion);
  manifest.set_config_id(
      absl::StrCat(schema::ShortHardware(inputs.hardware), "_", configuration.suffix));
  manifest.set_hardware(inputs.hardware);
  manifest.set_provider(options.provider);
  *manifest.mutable_experiment() = spec;
  *manifest.mutable_variable_value() = configuration.value;
  *manifest.mutable_config() = configuration.config;
  *manifest.mutable_model() = inputs.model;
  *manifest.mutable_prompt() = inputs.prompt;
  *manifest.mutable_decoding() = DescribeDecoding(inputs.reference);
  *manifest.mutable_extraction() = inputs.extraction;
  manifest.set_decode_steps(spec.decode_steps());
  *manifest.mutable_versions() = ThisVersions();
  for (const auto& settings : {MachineSettings(), model.Settings()}) {
    for (const auto& [name, value] : settings) (*manifest.mutable_settings())[name] = value;
  }
  if (inputs.flip.has_value()) {
    (*manifest.mutable_settings())["inject_bit_flip"] = options.inject_bit_flip;
  }
  return manifest;
}

// The repetitions of one configuration, with their progress display.
class Repetitions {
 public:
  Repetitions(const ExperimentSpec& spec, const RunnerOptions& options, const Inputs& inputs,
              DecoderLanguageModel& model, Progress& progress)
      : spec_(spec), options_(options), inputs_(inputs), model_(model), progress_(progress) {}

  absl::StatusOr<schema::Repetition> Run(int repetition) {
    GenerationInput input;
    input.prompts = {{inputs_.prompt.token_ids().begin(), inputs_.prompt.token_ids().end()}};
    input.decode_steps = spec_.decode_steps();
    input.extraction = inputs_.extraction;
    if (inputs_.reference.has_value()) input.reference = &inputs_.reference->repetition;
    input.token_text = [this](int64_t id) { return inputs_.tokenizer->DecodeUtf8({id}); };
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

 private:
  absl::Status BeforeStep(int repetition, int step) {
    if (options_.interrupted && options_.interrupted()) {
      return absl::CancelledError(
          "interrupted; finished repetitions are kept, and the same command goes on from there");
    }
    step_ = step;
    const std::string name =
        absl::StrCat("repetition ", repetition + 1, " of ", spec_.repetitions());
    const double after = seconds_ * (spec_.repetitions() - repetition - 1);
    if (step == 0) {
      progress_.Begin(name + ", prefill", inputs_.prompt.token_ids_size(), "tokens", after);
    } else if (step == 1) {
      progress_.Begin(name + ", decode", spec_.decode_steps() - 1, "tokens", after);
    } else {
      progress_.Done(step - 1);
    }
    return absl::OkStatus();
  }

  // The prefill is one step, but it can be a long one.
  void AfterLayer(int layer) {
    if (step_ > 0) return;
    progress_.Done(inputs_.prompt.token_ids_size() * (layer + int64_t{1}) /
                   inputs_.model.num_hidden_layers());
  }

  const ExperimentSpec& spec_;
  const RunnerOptions& options_;
  const Inputs& inputs_;
  DecoderLanguageModel& model_;
  Progress& progress_;
  int step_ = 0;
  double seconds_ = 0;  // that the last repetition took; 0: unknown
};

absl::StatusOr<FinishedRun> RunConfiguration(const ExperimentSpec& spec,
                                             Configuration configuration,
                                             const RunnerOptions& options, const Inputs& inputs,
                                             Progress& progress) {
  configuration.config.set_quant_method(QuantMethodName(inputs.checkpoint->config().quant.method));
  progress.Begin("loading weights", inputs.model.num_hidden_layers(), "layers");
  auto model = DecoderLanguageModel::Load(*inputs.checkpoint, configuration.config,
                                          [&](int64_t done, int64_t) { progress.Done(done); });
  if (!model.ok()) {
    return absl::Status(model.status().code(),
                        absl::StrCat(configuration.suffix, ": ", model.status().message()));
  }
  progress.End();
  const RunManifest identity = IdentityOf(spec, configuration, options, inputs, (*model)->model());
  const schema::RunDirectory directory(options.output, inputs.hardware, identity.config_id());
  Repetitions repetitions(spec, options, inputs, **model, progress);
  absl::StatusOr<RunManifest> manifest = RunSession(
      directory, identity, {spec.repetitions(), options.resume, options.overwrite},
      [&](int repetition) { return repetitions.Run(repetition); }, progress);
  if (!manifest.ok()) return manifest.status();
  return FinishedRun{directory, *std::move(manifest)};
}

}  // namespace

absl::StatusOr<std::vector<FinishedRun>> RunExperiment(const ExperimentSpec& spec,
                                                       const RunnerOptions& options,
                                                       Progress& progress) {
  MakeDeterministic(options.threads);
  absl::StatusOr<Inputs> inputs = PrepareInputs(spec, options, progress);
  if (!inputs.ok()) return inputs.status();
  std::vector<FinishedRun> runs;
  for (const Configuration& configuration : ConfigurationsOf(spec)) {
    auto run = RunConfiguration(spec, configuration, options, *inputs, progress);
    if (!run.ok()) return run.status();
    runs.push_back(*std::move(run));
    if (!runs.back().manifest.reproducible()) break;
  }
  return runs;
}

}  // namespace forensics::runner
