// bazel run //runner:expN
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runner/cuda/torch_library.h"
#include "runner/engine/torch_errors.h"
#include "runner/flags.h"
#include "runner/process_environment.h"
#include "runner/rank_team.h"
#include "runner/run_experiment.h"
#include "runner/start_gpu.h"
#include "runner/summary.h"
#include "schema/command_line.h"
#include "schema/standard_output.h"

namespace forensics::runner {
namespace {

constexpr char kUsage[] =
    "Runs one experiment: every configuration, three repetitions each, compared bit for bit;\n"
    "signals go to <output>/<hardware>/<config_id>/.\n"
    "\n"
    "  bazel run //runner:exp0\n"
    "  bazel run //runner:exp0 -- --model=/models/Qwen3-30B-A3B-AWQ --document=paper.pdf\n"
    "  bazel run //runner:exp0 -- --hardware=H100 --reference=results/A100-80GB/A100_reference\n"
    "  bazel run //runner:exp0 -- --hardware=emulated:H100    # a GPU's bits, on the CPU\n"
    "  bazel run //runner:exp3 -- --model=Qwen3-30B-A3B-AWQ --model_gptq=Qwen3-30B-A3B-GPTQ-Int4\n"
    "  bazel run //runner:exp0 -- --dtype=bfloat16 --threads=8 --output=results_bf16\n"
    "  bazel run --config=cuda //runner:exp0 -- --device=cuda --model=Qwen3-30B-A3B-AWQ\n"
    "  bazel run //runner:all                          # experiments 0 to 8, one after another\n"
    "  bazel run //runner:exp7 -- --only=tp4           # four ranks, started here\n"
    "  torchrun --no-python --nproc-per-node=4 bazel-bin/runner/exp7 --only=tp4\n"
    "\n"
    "Interrupted or killed, the same command goes on where it was. Exit codes: 0 done, 1 failed,\n"
    "2 wrong usage, 3 not reproducible, 4 a configuration could not be had and is named.\n";

std::atomic<bool> g_interrupted{false};

// The first signal lets the current step finish; a second one ends the program at once. Either way
// finished repetitions are on disk, and nothing else is.
void OnSignal(int) {
  g_interrupted = true;
  constexpr char kMessage[] = "\nstopping after this step; once more to stop at once\n";
  if (write(STDERR_FILENO, kMessage, sizeof kMessage - 1) < 0) return;
}

void InstallSignalHandlers() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

// A configuration that is not reproducible is the last one that is run.
bool IsReproducible(const ExperimentResult& result) {
  return result.runs.empty() || result.runs.back().manifest.reproducible();
}

// Prints what came of it.
absl::Status Print(const ExperimentResult& result) {
  for (const FinishedRun& run : result.runs) {
    std::cout << "\n"
              << Summarize(run.manifest, run.directory.path(),
                           run.reference.has_value() ? &*run.reference : nullptr);
  }
  for (const std::string& missing : result.missing) {
    std::cerr << "not run: " << schema::AsTypedHere(missing) << "\n";
  }
  if (!result.runs.empty()) {
    std::cout << "\nNext:  "
              << schema::AsTypedHere(
                     NextCommand(result.runs.back().manifest, absl::GetFlag(FLAGS_output)))
              << "\n";
  }
  return schema::FlushStandardOutput();
}

int ExitCode(const ExperimentResult& result) {
  if (!IsReproducible(result)) return schema::kExitNotReproducible;
  if (result.missing.empty() || absl::GetFlag(FLAGS_allow_missing)) return schema::kExitDone;
  return schema::kExitIncomplete;
}

// The same error, a wrong usage still being one, with the experiment's heading before it.
absl::Status Under(const std::string& heading, const absl::Status& error) {
  absl::Status status(error.code(), absl::StrCat(heading, error.message()));
  error.ForEachPayload([&status](absl::string_view type, const absl::Cord& payload) {
    status.SetPayload(type, payload);
  });
  return status;
}

// Whether experiments that follow one that failed can be run: not without the reference, not among
// ranks that are out of step, not on a GPU that is lost, not if the user wants to stop.
bool CanGoOn(const schema::ExperimentSpec& failed, const absl::Status& status,
             const RunnerOptions& options) {
  return failed.id() != 0 && !options.ranks.has_value() && !GpuIsLost() && !options.interrupted() &&
         !absl::IsCancelled(status);
}

// All experiments of this binary, until one is not reproducible. One that fails is named at once
// and does not keep the others from being run; the first error is the result.
absl::Status RunAll(const std::vector<schema::ExperimentSpec>& specs, RunnerOptions& options,
                    RankTeam& team, Progress& progress, ExperimentResult& result) {
  absl::Status first_error;
  for (size_t i = 0; i < specs.size() && IsReproducible(result); ++i) {
    if (specs.size() > 1) {
      options.heading = absl::StrCat("[", i + 1, "/", specs.size(), " ", specs[i].name(), "] ");
    }
    absl::Status status = RunExperiment(specs[i], options, team, progress, result);
    if (status.ok()) continue;
    status = Under(options.heading, status);
    if (!CanGoOn(specs[i], status, options)) return status;
    if (i + 1 < specs.size()) progress.Note(absl::StrCat("failed: ", status.message()));
    first_error.Update(status);
  }
  return first_error;
}

bool UsesGpu(const std::vector<schema::ExperimentSpec>& specs) {
  return std::any_of(specs.begin(), specs.end(), [](const schema::ExperimentSpec& spec) {
    return spec.reference_config().device() == "cuda";
  });
}

// Before anything asks libtorch about CUDA.
absl::Status StartDevice(const std::vector<schema::ExperimentSpec>& specs, RunnerOptions& options) {
  if (!UsesGpu(specs)) return absl::OkStatus();
  const absl::StatusOr<Gpu> gpu = StartGpu(absl::GetFlag(FLAGS_gpu), options.ranks);
  if (!gpu.ok()) return gpu.status();
  options.gpu = *gpu;
  return absl::OkStatus();
}

absl::StatusOr<int> Run(char** argv, const std::vector<std::string>& arguments) {
  const absl::StatusOr<std::vector<schema::ExperimentSpec>> specs = SpecsFromFlags();
  if (!specs.ok()) return specs.status();
  absl::Status status = EnsureEnvironment({UsesGpu(*specs), absl::GetFlag(FLAGS_cpu_isa)}, argv);
  if (status.ok()) status = CheckLoadedTorch();
  if (!status.ok()) return status;
  InstallSignalHandlers();
  absl::StatusOr<RunnerOptions> options = OptionsFromFlags(arguments, *specs);
  if (!options.ok()) return options.status();
  options->interrupted = [] { return g_interrupted.load(); };
  if (status = StartDevice(*specs, *options); !status.ok()) return status;
  auto team = RankTeam::Join(options->ranks, options->gpu.has_value(), options->rank_timeout);
  if (!team.ok()) return team.status();
  Progress progress = (*team)->IsFirst() ? Progress::ForStderr() : Progress::Silent();
  ExperimentResult result;
  status = RunAll(*specs, *options, **team, progress, result);
  if (!status.ok()) (*team)->ReportFailure(status);
  if ((*team)->IsFirst()) status.Update(Print(result));
  if (!status.ok()) return status;
  return ExitCode(result);
}

}  // namespace
}  // namespace forensics::runner

int main(int argc, char** argv) {
  using namespace forensics;
  const std::vector<std::string> positional =
      schema::ParseCommandLineOrExit(runner::kUsage, argc, argv);
  const std::string program = std::filesystem::path(argv[0]).filename().string();
  if (!positional.empty()) {
    return schema::ReportAndExitCode(
        program, schema::UsageError("unexpected argument '" + positional[0] + "'"));
  }
  const absl::StatusOr<int> exit_code = runner::Run(argv, {argv, argv + argc});
  return exit_code.ok() ? *exit_code : schema::ReportAndExitCode(program, exit_code.status());
}
