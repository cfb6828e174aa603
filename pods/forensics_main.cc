// forensics check|run|status|clean PLAN
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "pods/bundle_manifest.h"
#include "pods/checks.h"
#include "pods/display.h"
#include "pods/folder_claim.h"
#include "pods/gpu_checks.h"
#include "pods/journal.h"
#include "pods/lock_holders.h"
#include "pods/plan_file.h"
#include "pods/plan_status.h"
#include "pods/remove_model.h"
#include "pods/run_plan.h"
#include "pods/step_state.h"
#include "pods/steps.h"
#include "pods/workspace.h"
#include "schema/atomic_file.h"
#include "schema/command_line.h"
#include "schema/directory_lock.h"
#include "schema/standard_output.h"
#include "tools/cpp/runfiles/runfiles.h"

ABSL_FLAG(std::string, folder, "",
          "where everything that the plan leaves goes; default: as the plan says");
ABSL_FLAG(std::string, tools, "",
          "folder with exp0 to exp8, fuse, compare, fetch_model and nccl_bandwidth; default: those "
          "that come along, else this program's own folder");
ABSL_FLAG(std::string, model_dir, "",
          "folder that holds each model in a folder of the last part of its repository's name, "
          "such as Qwen3-30B-A3B-AWQ; nothing is fetched or deleted then");

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;

constexpr char kProgram[] = "forensics";

constexpr char kUsage[] =
    R"(Works through a plan of experiments on one machine, from models to report.

  forensics check PLAN     says everything that is wrong with machine and plan, at once
  forensics run PLAN       checks, then runs what is not done yet
  forensics status PLAN    what is done and left, time and cost so far
  forensics clean PLAN     deletes what can be had again: models that were fetched

A PLAN is a textproto of pods/plan.proto. Examples:
  forensics run plans/mini_cpu.textproto
  forensics check plans/single_gpu.textproto --folder=/workspace/pod
  forensics run plans/single_gpu.textproto --folder=/workspace/pod --model_dir=/models

Interrupted, killed or out of disk, the same command goes on where it was. Exit codes: 0 done (check:
nothing is wrong; status: nothing is left); 1 failed, and the same command may be tried again;
2 wrong usage, or a plan that is wrong; 3 not reproducible; 4 done, but something is missing and
named (status: that, or something is left).
)";

std::string RunfilesPath(const std::string& name) {
  if (name == "fuse") return "collector/fuse";
  if (name == "compare") return "analyzer/compare";
  if (name == "fetch_model") return "pods/fetch_model";
  if (name == "nccl_bandwidth") return "pods/nccl_bandwidth";
  return "runner/" + name;
}

// Tools that come along, as with `bazel run //pods:forensics`, find what they bring among the files
// that this program brought.
void ShareRunfiles(const bazel::tools::cpp::runfiles::Runfiles& runfiles) {
  for (const auto& [name, value] : runfiles.EnvVars()) setenv(name.c_str(), value.c_str(), 1);
}

FindTool ToolsFor(const char* program) {
  using bazel::tools::cpp::runfiles::Runfiles;
  const std::string folder = schema::UserPath(absl::GetFlag(FLAGS_tools));
  std::string ignored;
  const std::shared_ptr<Runfiles> runfiles(Runfiles::Create(program, &ignored));
  if (folder.empty() && runfiles != nullptr) ShareRunfiles(*runfiles);
  std::error_code error;
  const fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
  return [=](const std::string& name) {
    if (!folder.empty()) return fs::absolute(folder + "/" + name).string();
    if (runfiles != nullptr) {
      const std::string path =
          runfiles->Rlocation("floating_point_forensics/" + RunfilesPath(name));
      std::error_code unused;
      if (fs::exists(path, unused)) return path;
    }
    return (here / name).string();
  };
}

struct Work {
  Plan plan;
  FindTool find_tool;
  std::vector<Step> steps;
  absl::StatusOr<std::vector<GpuFacts>> gpus = std::vector<GpuFacts>();
};

absl::StatusOr<Work> ReadWork(const char* program, const std::string& path) {
  const absl::StatusOr<Plan> plan =
      ReadPlan(path, {absl::GetFlag(FLAGS_folder), absl::GetFlag(FLAGS_model_dir)});
  if (absl::IsInvalidArgument(plan.status())) return schema::UsageError(plan.status().message());
  if (!plan.ok()) return plan.status();
  Work work;
  work.plan = *plan;
  work.find_tool = ToolsFor(program);
  if (work.plan.machine().cuda_version().empty()) {
    work.plan.mutable_machine()->set_cuda_version(BundleFields(work.find_tool("exp0"))["cuda"]);
  }
  work.steps = MakeSteps(work.plan, work.find_tool);
  return work;
}

void LookAtGpus(Work& work, SignalGuard& signals) {
  if (work.plan.machine().device() == "cuda") work.gpus = ReadGpus(work.plan, signals);
}

std::vector<GpuFacts> KnownGpus(const Work& work) {
  return work.gpus.ok() ? *work.gpus : std::vector<GpuFacts>();
}

// An error if what is done is of another plan.
absl::StatusOr<std::vector<Step>> StepsLeft(const Work& work, DiskState& disk) {
  if (absl::Status status = disk.CheckWork(); !status.ok()) return status;
  std::vector<Step> left;
  for (const Step& step : work.steps) {
    const auto state = disk.Of(step, Thoroughness::kPresence);
    if (!state.ok() || *state != StepState::kDone) left.push_back(step);
  }
  return left;
}

// Says what was found; whether nothing is wrong.
bool Check(Work& work, const std::vector<Step>& left, SignalGuard& signals, Display& display) {
  std::vector<Finding> findings;
  if (work.plan.machine().device() == "cuda") findings = CheckGpus(work.plan, work.gpus, left);
  for (Finding& finding : CheckMachine(work.plan, left, work.find_tool, signals)) {
    findings.push_back(std::move(finding));
  }
  for (const std::string& left_out : LeftOut(work.plan, work.steps)) {
    findings.push_back({Finding::kNote, "plan", left_out + "; it is named as missing", ""});
  }
  if (signals.WasInterrupted()) return false;  // what was asked then has no answer
  for (const Finding& finding : findings) display.Note(FindingText(finding));
  return !AnyWrong(findings);
}

absl::StatusOr<int> RunSteps(Work& work, const std::vector<Step>& steps, DiskState& disk,
                             SignalGuard& signals, Display& display,
                             std::vector<std::string> left_out = {}) {
  absl::StatusOr<Journal> journal = Journal::Open(Workspace(work.plan.folder()).Journal());
  if (!journal.ok()) return journal.status();
  return PlanRunner(work.plan, steps, disk, *journal, signals, display).Run(std::move(left_out));
}

// Models are not fetched for a check: the trial waits for `run` where the model is not here yet.
absl::StatusOr<int> CheckCommand(Work& work, SignalGuard& signals, Display& display) {
  LookAtGpus(work, signals);
  if (signals.WasInterrupted()) return absl::CancelledError("interrupted");
  DiskState disk(work.plan, work.steps, KnownGpus(work));
  const absl::StatusOr<std::vector<Step>> left = StepsLeft(work, disk);
  if (!left.ok()) return left.status();
  const bool is_well = Check(work, *left, signals, display);
  if (signals.WasInterrupted()) return absl::CancelledError("interrupted");
  if (!is_well) return schema::kExitFailed;
  std::vector<Step> trial;
  for (const Step& step : work.steps) {
    if (step.kind == StepKind::kTrial || step.kind == StepKind::kTrialFuse) trial.push_back(step);
  }
  for (const Step& step : *left) {
    if (step.kind != StepKind::kFetch || step.model != 0) continue;
    display.Note(FindingText(
        {Finding::kNote, "trial", "the model is not here yet; run tries it as soon as it is", ""}));
    return schema::kExitDone;
  }
  trial.front().needs.clear();
  return RunSteps(work, trial, disk, signals, display);
}

absl::StatusOr<int> RunCommand(Work& work, SignalGuard& signals, Display& display) {
  LookAtGpus(work, signals);
  if (signals.WasInterrupted()) return absl::CancelledError("interrupted");
  DiskState disk(work.plan, work.steps, KnownGpus(work));
  const absl::StatusOr<std::vector<Step>> left = StepsLeft(work, disk);
  if (!left.ok()) return left.status();
  const bool is_well = left->empty() || Check(work, *left, signals, display);
  if (signals.WasInterrupted()) return absl::CancelledError("interrupted");
  if (!is_well) return schema::kExitFailed;
  return RunSteps(work, work.steps, disk, signals, display, LeftOut(work.plan, work.steps));
}

absl::StatusOr<int> StatusCommand(const Work& work) {
  DiskState disk(work.plan, work.steps, {});
  const absl::StatusOr<PlanStatus> status =
      StatusOfPlan(work.plan, work.steps, LockHolders(work.plan.folder()), disk);
  if (!status.ok()) return status.status();
  std::cout << status->text;
  return status->is_complete ? schema::kExitDone : schema::kExitIncomplete;
}

// Not the trial: by it a later start knows the machine, and that no model is needed any more.
absl::StatusOr<int> CleanCommand(const Work& work) {
  const std::string models = Workspace(work.plan.folder()).Models();
  bool has_deleted = false;
  for (const Model& model : work.plan.models()) {
    const std::string directory = ModelDirectory(work.plan, model);
    std::error_code error;
    if (model.repository().empty() || !fs::exists(directory, error)) continue;
    if (absl::Status status = RemoveModel(models, directory, model); !status.ok()) return status;
    std::cout << "deleted " << directory << "\n";
    has_deleted = true;
  }
  if (!has_deleted) std::cout << models << ": holds no model that the plan fetched\n";
  return schema::kExitDone;
}

// Tools that were started hold the lock too, so that what a killed orchestrator leaves behind has
// ended before another begins; such an end may take a moment.
absl::StatusOr<schema::DirectoryLock> LockFolder(const std::string& folder) {
  constexpr int kAttempts = 50;
  for (int attempt = 1;; ++attempt) {
    auto lock = schema::DirectoryLock::Acquire(folder);
    if (absl::IsFailedPrecondition(lock.status()) && attempt < kAttempts) {
      absl::SleepFor(absl::Milliseconds(100));
      continue;
    }
    if (absl::IsFailedPrecondition(lock.status())) {
      return absl::FailedPreconditionError(
          absl::StrCat(lock.status().message(), ": ", LockHolders(folder)));
    }
    if (!lock.ok()) return lock;
    if (absl::Status status = lock->ShareWithChildren(); !status.ok()) return status;
    return lock;
  }
}

absl::StatusOr<int> Run(const char* program, const std::vector<std::string>& positional) {
  const std::vector<std::string> commands = {"check", "run", "status", "clean"};
  if (positional.size() != 2 ||
      std::find(commands.begin(), commands.end(), positional[0]) == commands.end()) {
    return schema::UsageError(absl::StrCat("expected one of ", absl::StrJoin(commands, ", "),
                                           ", and a plan; found '", absl::StrJoin(positional, " "),
                                           "'"));
  }
  absl::StatusOr<Work> work = ReadWork(program, positional[1]);
  if (!work.ok()) return work.status();
  if (positional[0] == "status") return StatusCommand(*work);
  std::error_code error;
  if (positional[0] == "clean" && !fs::exists(work->plan.folder(), error)) {
    return absl::NotFoundError(
        absl::StrCat(work->plan.folder(), ": no such folder; name the plan's with --folder=DIR"));
  }
  const auto lock = LockFolder(work->plan.folder());
  if (!lock.ok()) return lock.status();
  absl::Status claimed = ClaimFolder(work->plan.folder());
  if (!claimed.ok()) return claimed;
  const absl::Status swept =
      schema::RemoveStaleTemporaries(Workspace(work->plan.folder()).Stamps());
  if (!swept.ok()) return swept;
  if (positional[0] == "clean") return CleanCommand(*work);
  SignalGuard signals;
  Display display(std::cout, isatty(STDOUT_FILENO) != 0 ? STDOUT_FILENO : kNoTerminal,
                  Workspace(work->plan.folder()).Log(kProgram));
  absl::StatusOr<int> code = positional[0] == "check" ? CheckCommand(*work, signals, display)
                                                      : RunCommand(*work, signals, display);
  if (!code.ok()) display.Log(code.status().message());
  return code;
}

}  // namespace
}  // namespace forensics::pods

int main(int argc, char** argv) {
  using namespace forensics;  // NOLINT
  const std::vector<std::string> positional =
      schema::ParseCommandLineOrExit(pods::kUsage, argc, argv);
  absl::StatusOr<int> exit_code = pods::Run(argv[0], positional);
  if (exit_code.ok()) {
    const absl::Status printed = schema::FlushStandardOutput();
    if (printed.ok()) return *exit_code;
    exit_code = printed;
  }
  return schema::ReportAndExitCode(pods::kProgram, exit_code.status());
}
