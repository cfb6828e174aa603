#include "pods/checks.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "pods/ask.h"
#include "pods/bundle_manifest.h"
#include "pods/configurations.h"
#include "pods/disk_room.h"
#include "pods/gpu_checks.h"
#include "pods/workspace.h"
#include "schema/run_directory.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;

// Builds for other CUDA versions that are not here: the rest can be run without them.
void NoteMissingBuilds(const Plan& plan, const std::vector<Step>& left, SignalGuard& signals,
                       std::vector<Finding>& findings) {
  for (const Step& step : left) {
    if (!step.may_be_missing) continue;
    const std::string why = WhyItDoesNotStart(plan, step, signals);
    if (why.empty()) continue;
    findings.push_back({Finding::kNote, "tools",
                        absl::StrCat(step.id, ": ", why, "; it is named as missing"), ""});
  }
}

Finding CheckTools(const Plan& plan, const std::vector<Step>& left, SignalGuard& signals) {
  std::set<std::string> seen;
  std::vector<std::string> problems;
  for (const Step& step : left) {
    const bool is_new = !step.command.empty() && seen.insert(step.command.front()).second;
    const bool is_asked_anyhow = step.kind == StepKind::kFetch && !LacksProgram(step);  // CheckHub
    if (step.may_be_missing || !is_new || is_asked_anyhow) continue;
    std::string why = WhyItDoesNotStart(plan, step, signals);
    if (!why.empty()) problems.push_back(std::move(why));
  }
  if (problems.empty()) return {Finding::kOk, "tools", "all are there", ""};
  return {Finding::kWrong, "tools", absl::StrJoin(problems, "; "),
          "run the bundle's setup, or name the folder that holds them with --tools=DIR"};
}

// That each set of tools is built with the CUDA version that the plan says, where they are a
// bundle, and that none is the reference's own.
void CheckBundles(const Plan& plan, const FindTool& find_tool, std::vector<Finding>& findings) {
  const auto check = [&findings](const std::string& field, const std::string& version,
                                 const std::string& program) {
    const std::string built = BundleFields(program)["cuda"];
    if (built.empty() || built == version) return;
    findings.push_back({Finding::kWrong, "cuda",
                        absl::StrCat(field, ": expected ", built, ", which ", program,
                                     " is built with, found ", version),
                        "correct it, or name another folder"});
  };
  check("machine.cuda_version", plan.machine().cuda_version(), find_tool("exp0"));
  for (const CudaVersion& build : plan.cuda_versions()) {
    check("cuda_versions.version", build.version(), build.directory() + "/exp6");
    if (CudaSuffix(build.version()) != CudaSuffix(plan.machine().cuda_version())) continue;
    findings.push_back({Finding::kWrong, "cuda",
                        absl::StrCat("cuda_versions: ", build.version(),
                                     " is machine.cuda_version, the reference's own"),
                        "leave it out"});
  }
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
  const std::string last = answer.lines.empty() ? "" : answer.lines.back();
  const std::vector<std::string> words = absl::StrSplit(last, ' ');
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
  const double here = GigabytesIn(Workspace(plan.folder()).Models());
  if (budget > 0 && here + models > budget) {
    return {Finding::kWrong, "disk",
            absl::StrFormat("models of %.1f GB lie together, %.1f of them already, the budget is "
                            "%.1f GB",
                            here + models, here, budget),
            "raise disk.budget_gigabytes, or leave out an experiment"};
  }
  if (free >= needed) return {Finding::kOk, "disk", text, ""};
  return {Finding::kWrong, "disk", text, "rent a larger disk, or free some of this one"};
}

}  // namespace

std::vector<Finding> CheckMachine(Plan& plan, const std::vector<Step>& left,
                                  const FindTool& find_tool, SignalGuard& signals) {
  std::vector<Finding> findings = {CheckTools(plan, left, signals), CheckFiles(plan)};
  NoteMissingBuilds(plan, left, signals, findings);
  CheckBundles(plan, find_tool, findings);
  CheckOthers(plan, findings);
  for (const Step& step : left) {
    if (step.kind == StepKind::kFetch) findings.push_back(CheckHub(plan, step, signals));
  }
  findings.push_back(CheckDisk(plan, left));
  for (Finding& finding : CheckGpusTogether(plan, left, find_tool, signals)) {
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace forensics::pods
