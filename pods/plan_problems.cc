#include "pods/plan_problems.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "pods/configurations.h"
#include "pods/workspace.h"

namespace forensics::pods {
namespace {

constexpr double kMostAmount = 1e9;  // of minutes, gigabytes, money: sums of them stay numbers

void Require(bool holds, const std::string& problem, std::vector<std::string>& problems) {
  if (!holds) problems.push_back(problem);
}

void RequireAmount(double value, const std::string& field, std::vector<std::string>& problems) {
  Require(value >= 0 && value <= kMostAmount,
          absl::StrCat(field, ": expected a number of at least 0 and at most ", kMostAmount,
                       ", found ", value),
          problems);
}

void CheckMachine(const Machine& machine, std::vector<std::string>& problems) {
  Require(machine.device() == "cpu" || machine.device() == "cuda",
          absl::StrCat("machine.device: expected cpu or cuda, found \"", machine.device(), "\""),
          problems);
  Require(machine.gpus() >= 0, "machine.gpus: expected at least 0", problems);
  Require(machine.threads() >= 0, "machine.threads: expected at least 0", problems);
  RequireAmount(machine.price_per_hour(), "machine.price_per_hour", problems);
  RequireAmount(machine.min_gpu_gigabytes(), "machine.min_gpu_gigabytes", problems);
}

// As git and the hub write it. A branch or a tag may be another model tomorrow.
bool IsCommit(absl::string_view text) {
  constexpr size_t kDigits = 40;
  return text.size() == kDigits &&
         text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

// As the hub has it: letters, digits, '.', '-' and '_' in each half, with neither of the first two
// at an end nor twice. So a repository is one folder's name with "--" for '/', and no other's.
bool IsRepository(absl::string_view text) {
  const std::vector<absl::string_view> halves = absl::StrSplit(text, '/');
  return halves.size() == 2 &&
         std::all_of(halves.begin(), halves.end(), [](absl::string_view half) {
           constexpr char kInner[] = ".-_";
           const auto is_allowed = [&](char c) {
             return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                    absl::StrContains(kInner, c);
           };
           return !half.empty() && std::all_of(half.begin(), half.end(), is_allowed) &&
                  !absl::StrContains(half, "--") && !absl::StrContains(half, "..") &&
                  !absl::StrContains(".-", half.front()) && !absl::StrContains(".-", half.back());
         });
}

void CheckModels(const Plan& plan, std::vector<std::string>& problems) {
  std::set<std::string> seen;
  for (const Model& model : plan.models()) {
    const std::string& method = model.quant_method();
    Require(method == "awq" || method == "gptq" || method == "bnb",
            absl::StrCat("models.quant_method: expected awq, gptq or bnb, found \"", method, "\""),
            problems);
    Require(seen.insert(method).second, absl::StrCat("models: ", method, " stands there twice"),
            problems);
    Require(model.repository().empty() != model.directory().empty(),
            absl::StrCat("models ", method, ": expected either a repository or a directory"),
            problems);
    Require(model.repository().empty() || IsCommit(model.revision()),
            absl::StrCat("models ", method, ": revision: expected a commit of ", model.repository(),
                         ", 40 hex digits, found \"", model.revision(),
                         "\"; fetch_model --check --revision=main --repository=",
                         model.repository(), " says which one is the newest"),
            problems);
    RequireAmount(model.gigabytes(), absl::StrCat("models ", method, ".gigabytes"), problems);
    RequireAmount(model.minutes(), absl::StrCat("models ", method, ".minutes"), problems);
  }
  Require(plan.models().empty() || plan.models(0).quant_method() == "awq",
          "models: the first is the reference's, which is awq", problems);
}

// Suffixes of those that the plan brings a model or a build for; the others need neither.
std::vector<std::string> Available(const Plan& plan, int id) {
  std::vector<std::string> suffixes = ConfigurationsOf(id);
  const auto keep = [&suffixes](const std::set<std::string>& brought) {
    const auto is_not = [&](const std::string& suffix) { return brought.count(suffix) == 0; };
    suffixes.erase(std::remove_if(suffixes.begin(), suffixes.end(), is_not), suffixes.end());
  };
  std::set<std::string> brought;
  if (id == kQuantization && !plan.models().empty()) {
    for (const Model& model : plan.models()) brought.insert(model.quant_method());
    keep(brought);
  }
  if (id == kCudaVersion && !plan.cuda_versions().empty()) {
    for (const CudaVersion& build : plan.cuda_versions()) {
      brought.insert(CudaSuffix(build.version()));
    }
    keep(brought);
  }
  return suffixes;
}

// Each name of `only`, and that something is left to run.
void CheckConfigurations(const Plan& plan, const Experiment& experiment,
                         std::vector<std::string>& problems) {
  const std::string name = absl::StrCat("experiment ", experiment.id());
  const std::vector<std::string> available = Available(plan, experiment.id());
  if (available.empty()) {
    problems.push_back(absl::StrCat(
        name, ": ", experiment.id() == kCudaVersion ? "cuda_versions" : "models",
        " has nothing for any of ", absl::StrJoin(ConfigurationsOf(experiment.id()), ", ")));
    return;
  }
  for (const std::string& suffix : experiment.only()) {
    Require(std::find(available.begin(), available.end(), suffix) != available.end(),
            absl::StrCat(name, ".only: expected some of ", absl::StrJoin(available, ", "),
                         ", as models and cuda_versions have them, found \"", suffix, "\""),
            problems);
  }
}

void CheckExperiments(const Plan& plan, std::vector<std::string>& problems) {
  Require(!plan.experiments().empty(), "experiments: there is none", problems);
  std::set<int> seen;
  for (const Experiment& experiment : plan.experiments()) {
    const std::string name = absl::StrCat("experiment ", experiment.id());
    Require(experiment.id() >= 0 && experiment.id() <= kLastExperiment,
            absl::StrCat("experiments.id: expected 0 to ", kLastExperiment, ", found ",
                         experiment.id()),
            problems);
    if (experiment.id() >= 0 && experiment.id() <= kLastExperiment) {
      CheckConfigurations(plan, experiment, problems);
    }
    Require(seen.insert(experiment.id()).second, absl::StrCat(name, " stands there twice"),
            problems);
    RequireAmount(experiment.minutes(), name + ".minutes", problems);
  }
  const bool has_reference = seen.count(0) > 0;
  Require(!has_reference || plan.experiments(0).id() == 0,
          "experiments: 0 must be the first; the others are fed its tokens", problems);
  Require(has_reference || !plan.others().reference().empty(),
          "experiments: without experiment 0, others.reference must name the run that gives the "
          "tokens",
          problems);
}

void CheckRest(const Plan& plan, std::vector<std::string>& problems) {
  Require(!plan.name().empty(), "name is missing", problems);
  std::set<std::string> seen;
  for (const CudaVersion& build : plan.cuda_versions()) {
    Require(!build.version().empty() && !build.directory().empty(),
            "cuda_versions: each needs version and directory", problems);
    Require(seen.insert(CudaSuffix(build.version())).second,
            absl::StrCat("cuda_versions: ", build.version(), " stands there twice"), problems);
  }
  const Prompt& prompt = plan.prompt();
  Require(prompt.document_tokens() >= 0 && prompt.decode_steps() >= 0 &&
              prompt.trial_document_tokens() >= 0,
          "prompt: numbers of tokens and steps must not be negative", problems);
  RequireAmount(plan.disk().budget_gigabytes(), "disk.budget_gigabytes", problems);
  RequireAmount(plan.disk().results_gigabytes(), "disk.results_gigabytes", problems);
  RequireAmount(plan.limits().backoff_seconds(), "limits.backoff_seconds", problems);
  RequireAmount(plan.limits().step_timeout_minutes(), "limits.step_timeout_minutes", problems);
  Require(plan.limits().retries() >= 0, "limits.retries: expected at least 0", problems);
}

}  // namespace

void FindRepositoryProblems(const Plan& plan, std::vector<std::string>& problems) {
  for (const Model& model : plan.models()) {
    Require(model.repository().empty() || IsRepository(model.repository()),
            absl::StrCat("models ", model.quant_method(),
                         ": repository: expected owner/name as the hub has it, found \"",
                         model.repository(), "\""),
            problems);
  }
}

void FindProblems(const Plan& plan, std::vector<std::string>& problems) {
  CheckRest(plan, problems);
  CheckMachine(plan.machine(), problems);
  CheckModels(plan, problems);
  CheckExperiments(plan, problems);
}

void FindFolderProblems(const Plan& plan, std::vector<std::string>& problems) {
  namespace fs = std::filesystem;
  std::map<std::string, std::string> owners;
  const fs::path fetched = fs::path(Workspace(plan.folder()).Models()).lexically_normal();
  for (const Model& model : plan.models()) {
    const bool is_brought = model.repository().empty();
    const fs::path folder =
        is_brought
            ? fs::path(model.directory() + "/").lexically_normal().parent_path()
            : fs::path(Workspace(plan.folder()).Model(model.repository())).lexically_normal();
    const auto [owner, is_new] = owners.emplace(folder.string(), model.quant_method());
    Require(
        is_new,
        absl::StrCat("models ", model.quant_method(), ": ", folder.string(), " is the folder of ",
                     owner->second, ", too; expected another repository or directory"),
        problems);
    const bool is_below =
        std::mismatch(fetched.begin(), fetched.end(), folder.begin(), folder.end()).first ==
        fetched.end();
    Require(!is_brought || !is_below,
            absl::StrCat("models ", model.quant_method(), ": directory: ", folder.string(),
                         " is where models are fetched to and deleted; expected another place"),
            problems);
  }
}

}  // namespace forensics::pods
