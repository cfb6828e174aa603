#include "pods/checks.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "pods/configurations.h"
#include "pods/outcome.h"
#include "pods/workspace.h"
#include "schema/run_directory.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;

constexpr double kBytesPerGigabyte = 1e9;
constexpr double kProbeSeconds = 120;
constexpr double kNcclSeconds = 300;  // processes on every GPU, started twice

struct Answer {
  bool ok = false;
  std::vector<std::string> lines;  // the last ones
  std::string text;                // all of them, or why there are none
};

// Runs a command whose answer is short.
Answer Ask(const Plan& plan, const std::string& name, std::vector<std::string> command,
           SignalGuard& signals, double seconds = kProbeSeconds) {
  ChildOptions options;
  options.command = std::move(command);
  options.log = Workspace(plan.folder()).Log("check-" + name);
  options.timeout_seconds = seconds;
  std::error_code ignored;
  fs::remove(options.log, ignored);
  const absl::StatusOr<ChildExit> exit = RunChild(options, signals);
  if (!exit.ok()) return {false, {}, std::string(exit.status().message())};
  Answer answer;
  answer.ok = exit->code == 0 && exit->signal == 0 && !exit->timed_out;
  answer.lines = LastLines(options.log, 50);
  answer.text =
      answer.lines.empty() ? ExitText(*exit) : absl::StrJoin(answer.lines, answer.ok ? "\n" : "; ");
  return answer;
}

// Builds for other CUDA versions that are not here: the rest can be run without them.
void NoteMissingBuilds(const std::vector<Step>& left, std::vector<Finding>& findings) {
  for (const Step& step : left) {
    if (!step.may_be_missing || !LacksProgram(step)) continue;
    findings.push_back(
        {Finding::kNote, "tools",
         absl::StrCat(step.id, ": no program ", step.command[0], "; it is named as missing"), ""});
  }
}

Finding CheckTools(const std::vector<Step>& left) {
  std::set<std::string> missing;
  for (const Step& step : left) {
    if (!step.may_be_missing && LacksProgram(step)) missing.insert(step.command[0]);
  }
  if (missing.empty()) return {Finding::kOk, "tools", "all are there", ""};
  return {Finding::kWrong, "tools", "no program " + absl::StrJoin(missing, ", "),
          "name the folder that holds them with --tools=DIR"};
}

Finding CheckFiles(const Plan& plan) {
  std::vector<std::string> paths(plan.prompt().neighbours().begin(),
                                 plan.prompt().neighbours().end());
  paths.push_back(plan.prompt().document());
  paths.push_back(plan.machine().compiled_packages());
  for (const Model& model : plan.models()) {
    if (!model.directory().empty()) paths.push_back(model.directory() + "/config.json");
  }
  std::vector<std::string> missing;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!path.empty() && !fs::exists(path, error)) missing.push_back(path);
  }
  if (missing.empty()) return {Finding::kOk, "files", "all that the plan names are there", ""};
  return {Finding::kWrong, "files", "not there: " + absl::StrJoin(missing, ", "),
          "put them there, or name others in the plan"};
}

Finding CheckReference(const Plan& plan) {
  const schema::RunDirectory run(plan.others().reference());
  const auto manifest = run.ReadManifest();
  if (!manifest.ok()) {
    return {Finding::kWrong, "others", "reference: " + std::string(manifest.status().message()),
            "name the folder of the first machine's experiment 0, "
            "such as results/A100/A100_reference"};
  }
  if (manifest->experiment().id() == 0)
    return {Finding::kOk, "others", "reference " + run.path(), ""};
  return {Finding::kWrong, "others",
          absl::StrCat("reference: ", run.path(), ": a run of experiment ",
                       manifest->experiment().id(), ", expected 0"),
          "name the folder of the first machine's experiment 0"};
}

Finding CheckOtherResults(const Plan& plan, const std::string& results) {
  std::error_code error;
  const fs::path path = fs::weakly_canonical(results, error);
  const fs::path own = fs::weakly_canonical(plan.folder(), error);
  if (std::mismatch(own.begin(), own.end(), path.begin(), path.end()).first == own.end()) {
    return {Finding::kWrong, "others", results + ": results of this plan, not of another machine",
            "name the results folder of the other machine"};
  }
  const auto found = schema::FindRuns(results);
  if (found.ok() && !found->runs.empty()) return {Finding::kOk, "others", results, ""};
  if (fs::exists(results, error) && !fs::is_directory(results, error)) {
    return {Finding::kWrong, "others", results + ": is no folder",
            "name the results folder of the other machine"};
  }
  return {Finding::kNote, "others",
          results + ": no finished runs there; the comparison waits for them", ""};
}

void CheckOthers(const Plan& plan, std::vector<Finding>& findings) {
  if (!plan.others().reference().empty()) findings.push_back(CheckReference(plan));
  for (const std::string& results : plan.others().results()) {
    findings.push_back(CheckOtherResults(plan, results));
  }
}

// The size of what a fetch step brings, by the hub; the plan's where the hub does not say.
Finding CheckHub(Plan& plan, const Step& step, SignalGuard& signals) {
  Model& model = *plan.mutable_models(step.model);
  std::vector<std::string> command = step.command;
  command.push_back("--check");
  const Answer answer = Ask(plan, step.id, command, signals);
  const std::string subject = absl::StrCat("hub ", model.quant_method());
  if (!answer.ok) {
    return {Finding::kWrong, subject, answer.text,
            "see that the hub can be reached (HF_ENDPOINT, proxy, HF_TOKEN) and that repository "
            "and revision exist; or bring the models and give --model_dir=DIR"};
  }
  double bytes = 0;
  const std::vector<std::string> words = absl::StrSplit(answer.lines.back(), ' ');
  if (words.size() == 3 && absl::SimpleAtod(words[2], &bytes)) {
    model.set_gigabytes(bytes / kBytesPerGigabyte);
  }
  return {Finding::kOk, subject,
          absl::StrFormat("%s, %.1f GB", model.repository(), model.gigabytes()), ""};
}

Finding CheckDisk(const Plan& plan, const std::vector<Step>& left) {
  std::error_code error;
  fs::create_directories(plan.folder(), error);
  const fs::space_info space = fs::space(plan.folder(), error);
  if (error || access(plan.folder().c_str(), W_OK) != 0) {
    return {Finding::kWrong, "disk",
            absl::StrCat(plan.folder(), ": ",
                         error ? error.message() : std::string("cannot be written")),
            "name another folder with --folder=DIR"};
  }
  const double models = PeakGigabytes(plan, left);
  const double free = static_cast<double>(space.available) / kBytesPerGigabyte;
  const double needed = models + plan.disk().results_gigabytes();
  const std::string text =
      absl::StrFormat("%s: %.1f GB free, %.1f needed (%.1f for models, %.1f for the rest)",
                      plan.folder(), free, needed, models, plan.disk().results_gigabytes());
  const double budget = plan.disk().budget_gigabytes();
  if (budget > 0 && models > budget) {
    return {
        Finding::kWrong, "disk",
        absl::StrFormat("models of %.1f GB lie together, the budget is %.1f GB", models, budget),
        "raise disk.budget_gigabytes, or leave out an experiment"};
  }
  if (free >= needed) return {Finding::kOk, "disk", text, ""};
  return {Finding::kWrong, "disk", text, "rent a larger disk, or free some of this one"};
}

bool NeedsNccl(const Plan& plan, const std::vector<Step>& left) {
  return plan.machine().device() == "cuda" && plan.machine().gpus() > 1 &&
         std::any_of(left.begin(), left.end(), [](const Step& step) {
           return step.experiment == kTensorParallel || step.experiment == kExpertParallel;
         });
}

Finding CheckNccl(const Plan& plan, const FindTool& find_tool, SignalGuard& signals) {
  const Answer answer = Ask(
      plan, "nccl", {find_tool("nccl_bandwidth"), absl::StrCat("--gpus=", plan.machine().gpus())},
      signals, kNcclSeconds);
  if (answer.ok) return {Finding::kOk, "nccl", answer.lines.empty() ? "" : answer.lines.back(), ""};
  return {Finding::kWrong, "nccl", answer.text,
          "experiments 7 and 8 need an all-reduce over all GPUs: see that NCCL is there and that "
          "the container has enough /dev/shm"};
}

}  // namespace

std::string FindingText(const Finding& finding) {
  constexpr const char* kVerdicts[] = {"ok", "note", "wrong"};
  std::string text =
      absl::StrFormat("%-6s %-10s %s", kVerdicts[finding.verdict], finding.subject, finding.text);
  if (!finding.advice.empty()) {
    absl::StrAppend(&text, "\n", std::string(18, ' '), "what to do: ", finding.advice);
  }
  return text;
}

bool AnyWrong(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.verdict == Finding::kWrong; });
}

absl::StatusOr<std::vector<GpuFacts>> ReadGpus(const Plan& plan, SignalGuard& signals) {
  const Answer answer =
      Ask(plan, "gpu", {"nvidia-smi", kNvidiaSmiQuery, kNvidiaSmiFormat}, signals);
  if (!answer.ok) return absl::UnavailableError(absl::StrCat("nvidia-smi: ", answer.text));
  return ParseGpuFacts(answer.text);
}

std::vector<Finding> CheckGpus(const Plan& plan, const absl::StatusOr<std::vector<GpuFacts>>& gpus,
                               const std::vector<Step>& left) {
  const Machine& machine = plan.machine();
  if (!gpus.ok() || gpus->empty()) {
    return {{Finding::kWrong, "gpu",
             gpus.ok() ? "nvidia-smi names none" : std::string(gpus.status().message()),
             "rent a machine with an NVIDIA GPU, and start the container with it (--gpus all)"}};
  }
  std::vector<Finding> findings;
  const auto count = static_cast<int>(gpus->size());
  const GpuFacts& first = gpus->front();
  findings.push_back({count < machine.gpus() ? Finding::kWrong : Finding::kOk, "gpu",
                      absl::StrCat(count, " x ", first.name, ", expected ", machine.gpus()),
                      count < machine.gpus() ? "rent a machine with as many" : ""});
  for (const GpuFacts& gpu : *gpus) {
    if (gpu.name != first.name || !absl::StrContains(gpu.name, machine.gpu())) {
      findings.push_back({Finding::kWrong, "gpu",
                          absl::StrCat(gpu.name, ", expected ",
                                       gpu.name != first.name ? first.name : machine.gpu()),
                          "rent a machine of that kind, or change machine.gpu"});
    }
    if (gpu.used_mib > gpu.memory_mib / 10) {
      findings.push_back(
          {Finding::kNote, "gpu",
           absl::StrCat(gpu.used_mib, " of ", gpu.memory_mib, " MiB are taken by another process"),
           ""});
    }
  }
  std::vector<std::string> versions;
  if (!machine.cuda_version().empty()) versions.push_back(machine.cuda_version());
  for (const CudaVersion& build : plan.cuda_versions()) {
    const bool is_run = std::any_of(left.begin(), left.end(), [&build](const Step& step) {
      return step.may_be_missing && !LacksProgram(step) &&
             step.suffixes.front() == CudaSuffix(build.version());
    });
    if (is_run) versions.push_back(build.version());
  }
  for (const std::string& version : versions) {
    const DriverVerdict verdict = CheckDriver(first.driver, version);
    findings.push_back({verdict.works ? Finding::kOk : Finding::kWrong, "driver", verdict.text,
                        verdict.works ? ""
                                      : "rent a machine with a later driver, or take tools that "
                                        "are built with an older CUDA version"});
  }
  return findings;
}

std::vector<Finding> CheckMachine(const Plan& plan, const std::vector<Step>& left,
                                  const FindTool& find_tool, SignalGuard& signals) {
  std::vector<Finding> findings = {CheckTools(left), CheckFiles(plan)};
  NoteMissingBuilds(left, findings);
  CheckOthers(plan, findings);
  Plan measured = plan;
  for (const Step& step : left) {
    if (step.kind == StepKind::kFetch) findings.push_back(CheckHub(measured, step, signals));
  }
  findings.push_back(CheckDisk(measured, left));
  if (NeedsNccl(plan, left)) findings.push_back(CheckNccl(plan, find_tool, signals));
  return findings;
}

}  // namespace forensics::pods
