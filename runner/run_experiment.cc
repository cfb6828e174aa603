#include "runner/run_experiment.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runner/cuda/gpu_info.h"
#include "runner/engine/decoder_language_model.h"
#include "runner/engine/emulated_language_model.h"
#include "runner/engine/machine.h"
#include "runner/engine/model_info.h"
#include "runner/engine/session.h"
#include "runner/experiment_spec.h"
#include "runner/inputs.h"
#include "runner/launch_ranks.h"
#include "runner/load_beside.h"
#include "runner/model_source.h"
#include "runner/other_build.h"
#include "runner/parallel/sharding.h"
#include "runner/repetitions.h"
#include "runner/start_gpu.h"
#include "schema/rank_join.h"

namespace forensics::runner {
namespace {

using schema::ExperimentSpec;
using schema::RunManifest;

// What all configurations share, from the reference's checkpoint.
absl::StatusOr<Inputs> ReadInputs(const ExperimentSpec& spec,
                                  const std::vector<Configuration>& wanted,
                                  const RunnerOptions& options, ModelSource& models,
                                  Progress& progress) {
  progress.Begin(absl::StrCat("checking ", options.model), 0, "");
  auto model = models.Open(spec.reference_config().quant_method());
  if (!model.ok()) return model.status();
  progress.Begin(absl::StrCat("reading ", options.prompt_tokens.empty() ? options.document
                                                                        : options.prompt_tokens),
                 0, "");
  auto inputs = PrepareInputs(spec, wanted, options, **model);
  if (inputs.ok()) progress.End();
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

// Machine and libraries: what can change bits under `settings`, the rest under `machine_facts`.
void DescribeMachine(const RunnerOptions& options, RunManifest& manifest) {
  std::map<std::string, std::string> settings = MachineSettings();
  if (!options.cpu_isa.empty()) settings["cpu_isa"] = options.cpu_isa;
  if (options.gpu.has_value()) {
    const GpuInfo info = DescribeGpu(*options.gpu);
    settings.merge(CudaSettings());
    settings.insert(info.settings.begin(), info.settings.end());
    manifest.mutable_machine_facts()->insert(info.facts.begin(), info.facts.end());
  }
  manifest.mutable_settings()->insert(settings.begin(), settings.end());
}

// The part of a configuration's manifest that is known before its weights are loaded.
RunManifest DescribeWork(const ExperimentSpec& spec, const Configuration& configuration,
                         const RunnerOptions& options, const Inputs& inputs) {
  RunManifest manifest;
  manifest.set_schema_version(schema::kSchemaVersion);
  manifest.set_config_id(
      absl::StrCat(schema::ShortHardware(inputs.hardware), "_", configuration.suffix));
  manifest.set_hardware(inputs.hardware);
  manifest.set_provider(options.provider);
  *manifest.mutable_experiment() = spec;
  *manifest.mutable_variable_value() = configuration.value;
  *manifest.mutable_config() = configuration.config;
  *manifest.mutable_prompt() = inputs.prompt;
  for (int i = 1; i < configuration.config.batch_size(); ++i) {
    *manifest.add_neighbours() = inputs.neighbours[i - 1].info;
  }
  *manifest.mutable_decoding() = DescribeDecoding(inputs.reference);
  manifest.set_decode_steps(spec.decode_steps());
  *manifest.mutable_versions() = ThisVersions();
  DescribeMachine(options, manifest);
  if (configuration.config.concurrent_work()) {
    (*manifest.mutable_settings())["background_load"] = LoadBeside(options).description;
  }
  if (inputs.flip.has_value()) {
    (*manifest.mutable_settings())["inject_bit_flip"] = options.inject_bit_flip;
  }
  return manifest;
}

// Adds the checkpoint to `manifest`, if it takes the prompt as the reference does.
absl::Status AddModel(const Checkpoint& checkpoint, const RunnerOptions& options,
                      const Inputs& inputs, RunManifest& manifest) {
  absl::Status status = CheckReadsPrompt(checkpoint.directory(), checkpoint.config().vocab_size,
                                         inputs.prompt, options);
  if (status.ok() && inputs.reference.has_value()) {
    status = CheckReference(*inputs.reference, inputs.prompt, checkpoint.config().vocab_size,
                            manifest.decode_steps());
  }
  if (!status.ok()) return status;
  auto model = DescribeModel(checkpoint);
  if (!model.ok()) return model.status();
  auto extraction =
      ResolveExtraction(manifest.experiment().extraction(), model->num_hidden_layers());
  if (!extraction.ok()) return extraction.status();
  *manifest.mutable_model() = *std::move(model);
  *manifest.mutable_extraction() = *std::move(extraction);
  manifest.mutable_config()->set_quant_method(QuantMethodName(checkpoint.config().quant.method));
  return absl::OkStatus();
}

// The model with its settings in `manifest`; the weights come when they are needed.
absl::StatusOr<std::unique_ptr<RunnableModel>> MakeModel(const Checkpoint& checkpoint,
                                                         const RunnerOptions& options,
                                                         Communicator& ranks,
                                                         const RunManifest& manifest) {
  const auto emulated = EmulatedGpu(manifest.hardware());
  if (!emulated.ok()) return emulated.status();
  if (emulated->has_value()) {
    return EmulatedLanguageModel::Create(checkpoint, manifest.config(), **emulated,
                                         options.decode_graph);
  }
  return DecoderLanguageModel::Create(checkpoint, manifest.config(),
                                      {options.compiled_packages, options.decode_graph}, ranks);
}

absl::StatusOr<std::unique_ptr<RunnableModel>> CreateModel(const Checkpoint& checkpoint,
                                                           const RunnerOptions& options,
                                                           Communicator& ranks,
                                                           RunManifest& manifest) {
  auto model = MakeModel(checkpoint, options, ranks, manifest);
  if (!model.ok()) {
    return absl::Status(model.status().code(),
                        absl::StrCat(manifest.config_id(), ": ", model.status().message()));
  }
  const auto settings = (*model)->Settings();
  if (!settings.ok()) return settings.status();
  for (const auto& [name, value] : *settings) (*manifest.mutable_settings())[name] = value;
  return model;
}

// Processors are shared evenly among the ranks of this machine.
int ThreadsOf(const RunnerOptions& options) {
  if (options.threads > 0 || !options.ranks.has_value()) return options.threads;
  const int ranks = options.ranks->local_world_size, available = AvailableProcessors();
  // Slurm may have bound each rank to its share already.
  const bool is_share = !options.ranks->store_is_served &&
                        available * ranks <= static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  return std::max(1, is_share ? available : available / ranks);
}

schema::RunDirectory DirectoryOf(const RunnerOptions& options, const RunManifest& manifest) {
  return schema::RunDirectory(options.output, manifest.hardware(), manifest.config_id());
}

// Runs the configuration in this process, alone or as one of its ranks. Unavailable: it cannot be
// had here. None on ranks other than the first.
absl::StatusOr<std::optional<FinishedRun>> RunHere(const ExperimentSpec& spec,
                                                   const Configuration& configuration,
                                                   const RunnerOptions& options,
                                                   const Inputs& inputs, ModelSource& models,
                                                   RankTeam& team, Progress& progress) {
  Communicator& ranks = team.communicator();
  RunManifest manifest = DescribeWork(spec, configuration, options, inputs);
  auto checkpoint = models.Open(configuration.config.quant_method());
  if (!checkpoint.ok()) return checkpoint.status();
  progress.Begin(absl::StrCat("checking ", (*checkpoint)->directory()), 0, "");
  absl::Status status = AddModel(**checkpoint, options, inputs, manifest);
  if (!status.ok()) return status;
  auto model = CreateModel(**checkpoint, options, ranks, manifest);
  if (!model.ok()) return model.status();
  if (status = CheckSameWork(manifest, ranks); !status.ok()) return status;
  Repetitions repetitions(manifest, options, inputs, **model, progress);
  const auto run = [&](int repetition) { return repetitions.Run(repetition); };
  const schema::RunDirectory directory = DirectoryOf(options, manifest);
  if (!team.IsFirst()) {
    status = FollowSession(directory, run, ranks);
    if (!status.ok()) return status;
    return std::nullopt;
  }
  SessionOptions session = {spec.repetitions(), options.resume, options.overwrite, {}};
  if (inputs.reference.has_value()) {
    session.reference_kernels = inputs.reference->manifest.kernels();
  }
  absl::StatusOr<RunManifest> finished =
      RunSession(directory, manifest, session, run, ranks, progress);
  if (!finished.ok()) return finished.status();
  return FinishedRun{directory, *std::move(finished), {}};
}

// Unavailable where the model cannot be cut as the configuration says.
absl::Status CheckCanBeCut(const schema::RunConfig& config, ModelSource& models) {
  const auto checkpoint = models.Open(config.quant_method());
  if (!checkpoint.ok()) return checkpoint.status();
  const absl::Status status =
      CheckSharding((*checkpoint)->config(), {config.tp_size(), config.ep_size(), /*rank=*/0});
  if (status.ok()) return status;
  return absl::UnavailableError(absl::StrCat((*checkpoint)->directory(), ": ", status.message()));
}

// Runs the configuration in ranks of its own, of the build that it asks for, and reads what they
// left.
absl::StatusOr<FinishedRun> RunInRanks(const ExperimentSpec& spec,
                                       const Configuration& configuration,
                                       const RunnerOptions& options, const Inputs& inputs,
                                       ModelSource& models, Progress& progress) {
  absl::Status status = CheckCanBeCut(configuration.config, models);
  if (!status.ok()) return status;
  const std::string& cuda_version = configuration.config.cuda_version();
  const absl::StatusOr<std::string> program = ProgramFor(cuda_version, options);
  if (!program.ok()) return program.status();
  const int world_size = schema::WorldSize(configuration.config);
  if (options.gpu.has_value()) {
    status = CheckGpusForRanks(options.gpu->index, world_size, CountGpus());
    if (!status.ok()) return status;
  }
  progress.Note(absl::StrCat(
      configuration.suffix, ": ", world_size, world_size == 1 ? " rank" : " ranks",
      IsThisBuild(cuda_version) ? "" : absl::StrCat(", built for CUDA ", cuda_version)));
  status = LaunchRanks(options, *program, configuration.suffix, world_size);
  if (!status.ok()) return status;
  const schema::RunDirectory directory =
      DirectoryOf(options, DescribeWork(spec, configuration, options, inputs));
  absl::StatusOr<RunManifest> manifest = directory.ReadManifest();
  if (!manifest.ok()) return manifest.status();
  return FinishedRun{directory, *std::move(manifest), {}};
}

absl::StatusOr<std::optional<FinishedRun>> RunConfiguration(
    const ExperimentSpec& spec, const Configuration& configuration, const RunnerOptions& options,
    const Inputs& inputs, ModelSource& models, RankTeam& team, Progress& progress) {
  const int wanted = schema::WorldSize(configuration.config);
  const int found = team.communicator().size();
  const bool this_build = IsThisBuild(configuration.config.cuda_version());
  if (wanted == found && this_build) {
    return RunHere(spec, configuration, options, inputs, models, team, progress);
  }
  if (found == 1) return RunInRanks(spec, configuration, options, inputs, models, progress);
  if (!this_build) {
    return absl::UnavailableError(
        "of another build; start it on its own, not as one of many ranks");
  }
  return absl::UnavailableError(absl::StrCat("needs ", wanted, wanted == 1 ? " rank" : " ranks",
                                             ", found ", found,
                                             "; start it with as many, or on its own"));
}

// Whether it is the reference under another name: the CUDA version under test is this build's own.
bool IsReference(const Configuration& configuration) {
  return configuration.config.cuda_version() == LibtorchCudaVersion();
}

std::vector<Configuration> Wanted(const ExperimentSpec& spec, const RunnerOptions& options) {
  std::vector<Configuration> wanted;
  for (Configuration& configuration : ConfigurationsOf(spec)) {
    const auto& only = options.only;
    if (only.empty() && IsReference(configuration)) continue;
    if (only.empty() || std::find(only.begin(), only.end(), configuration.suffix) != only.end()) {
      wanted.push_back(std::move(configuration));
    }
  }
  return wanted;
}

}  // namespace

absl::Status RunExperiment(const ExperimentSpec& spec, const RunnerOptions& options, RankTeam& team,
                           Progress& progress, ExperimentResult& result) {
  const std::vector<Configuration> wanted = Wanted(spec, options);
  if (wanted.empty()) return absl::OkStatus();
  MakeDeterministic(ThreadsOf(options));
  ModelSource models(spec, options);
  progress.SetHeading(options.heading);
  absl::StatusOr<Inputs> inputs = ReadInputs(spec, wanted, options, models, progress);
  if (!inputs.ok()) return inputs.status();
  for (const Configuration& configuration : wanted) {
    progress.SetHeading(absl::StrCat(options.heading, configuration.suffix, ": "));
    auto run = RunConfiguration(spec, configuration, options, *inputs, models, team, progress);
    if (absl::IsUnavailable(run.status())) {
      result.missing.push_back(absl::StrCat(configuration.suffix, ": ", run.status().message()));
      continue;
    }
    if (!run.ok()) return run.status();
    if (!run->has_value()) continue;
    result.runs.push_back(**std::move(run));
    if (inputs->reference.has_value()) {
      result.runs.back().reference = inputs->reference->manifest;
    }
    if (!result.runs.back().manifest.reproducible()) break;
  }
  return absl::OkStatus();
}

}  // namespace forensics::runner
