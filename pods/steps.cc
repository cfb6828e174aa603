#include "pods/steps.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pods/configurations.h"
#include "pods/workspace.h"

namespace forensics::pods {
namespace {

constexpr int kCompile = 2;
constexpr int kTrialSteps = 4;
constexpr double kSecondsPerMinute = 60;

class StepMaker {
 public:
  StepMaker(const Plan& plan, const FindTool& find_tool)
      : plan_(plan), find_tool_(find_tool), workspace_(plan.folder()) {}

  std::vector<Step> Make() && {
    if (!plan_.models().empty()) Fetch(0);
    AddTrial();
    for (const Experiment& experiment : plan_.experiments()) AddExperiment(experiment);
    AddFuseAndCompare();
    return std::move(steps_);
  }

 private:
  Step& Add(StepKind kind, std::string id, double minutes = 0) {
    Step step;
    step.kind = kind;
    step.id = std::move(id);
    step.estimated_seconds = minutes * kSecondsPerMinute;
    steps_.push_back(std::move(step));
    return steps_.back();
  }

  void Fetch(int index) {
    const Model& model = plan_.models(index);
    if (model.repository().empty()) return;
    Step& step =
        Add(StepKind::kFetch, absl::StrCat("fetch-", model.quant_method()), model.minutes());
    step.model = index;
    step.command = {find_tool_("fetch_model"), "--repository=" + model.repository(),
                    "--revision=" + model.revision(),
                    "--directory=" + ModelDirectory(plan_, model)};
  }

  void Delete(int index, const std::string& last_user) {
    const Model& model = plan_.models(index);
    if (model.repository().empty()) return;
    Step& step = Add(StepKind::kDelete, absl::StrCat("delete-", model.quant_method()));
    step.model = index;
    step.needs = {last_user};
  }

  // What every start of an experiment's binary is told.
  std::vector<std::string> Flags(const std::string& output, int document_tokens,
                                 int decode_steps) const {
    const Machine& machine = plan_.machine();
    const Prompt& prompt = plan_.prompt();
    std::vector<std::string> flags = {"--output=" + output, "--device=" + machine.device()};
    const auto add = [&flags](const char* name, const std::string& value) {
      if (!value.empty()) flags.push_back(absl::StrCat("--", name, "=", value));
    };
    const auto add_number = [&add](const char* name, int value) {
      if (value != 0) add(name, absl::StrCat(value));
    };
    if (!plan_.models().empty()) add("model", ModelDirectory(plan_, plan_.models(0)));
    add("document", prompt.document());
    for (const std::string& neighbour : prompt.neighbours()) add("neighbour", neighbour);
    add_number("document_tokens", document_tokens);
    add_number("decode_steps", decode_steps);
    add_number("threads", machine.threads());
    add("hardware", machine.hardware());
    add("provider", machine.provider());
    return flags;
  }

  // A start of an experiment's binary; all load the reference's model.
  void SetCommand(Step& step, const std::string& program, std::vector<std::string> flags) const {
    step.command = {program};
    step.command.insert(step.command.end(), flags.begin(), flags.end());
    if (!plan_.models().empty()) step.loads = {0};
  }

  void MakeFrom(Step& step, const char* tool, const std::string& input,
                const std::string& output) const {
    step.input = input;
    step.output = output;
    step.command = {find_tool_(tool), input, "--output=" + output};
  }

  std::string ReferenceFetch() const {
    const bool fetched = !plan_.models().empty() && !plan_.models(0).repository().empty();
    return fetched ? absl::StrCat("fetch-", plan_.models(0).quant_method()) : "";
  }

  void AddTrial() {
    const Prompt& prompt = plan_.prompt();
    Step& trial = Add(StepKind::kTrial, "trial");
    if (!ReferenceFetch().empty()) trial.needs = {ReferenceFetch()};
    const int tokens = prompt.trial_document_tokens();
    SetCommand(trial, find_tool_("exp0"),
               Flags(workspace_.TrialResults(), tokens != 0 ? tokens : prompt.document_tokens(),
                     kTrialSteps));
    Step& fuse = Add(StepKind::kTrialFuse, "trial-fuse");
    fuse.needs = {"trial"};
    MakeFrom(fuse, "fuse", workspace_.TrialResults(), workspace_.TrialExperiments());
  }

  Step& AddRun(const Experiment& experiment, const std::string& suffix, double minutes) {
    const std::string name = absl::StrCat("exp", experiment.id());
    Step& step = Add(StepKind::kExperiment, suffix.empty() ? name : absl::StrCat(name, "-", suffix),
                     minutes);
    step.experiment = experiment.id();
    step.is_part = !suffix.empty();
    if (experiment.id() == 0) step.suffixes = {"reference"};
    if (!suffix.empty()) {
      step.suffixes = {suffix};
    } else if (!experiment.only().empty()) {
      step.suffixes.assign(experiment.only().begin(), experiment.only().end());
    }
    const bool has_reference_run = plan_.experiments(0).id() == 0;
    step.needs = {experiment.id() != 0 && has_reference_run ? "exp0" : "trial-fuse"};
    const Prompt& prompt = plan_.prompt();
    std::vector<std::string> flags =
        Flags(workspace_.Results(), prompt.document_tokens(), prompt.decode_steps());
    if (!plan_.others().reference().empty() && step.needs[0] != "exp0") {
      flags.push_back("--reference=" + plan_.others().reference());
    }
    if (experiment.id() != 0 && !step.suffixes.empty()) {
      flags.push_back("--only=" + absl::StrJoin(step.suffixes, ","));
    }
    if (experiment.id() == kCompile && !plan_.machine().compiled_packages().empty()) {
      flags.push_back("--compiled_packages=" + plan_.machine().compiled_packages());
    }
    SetCommand(step, find_tool_(name), std::move(flags));
    return step;
  }

  static bool Wants(const Experiment& experiment, const std::string& suffix) {
    const auto& only = experiment.only();
    return only.empty() || std::find(only.begin(), only.end(), suffix) != only.end();
  }

  // One quantised model after another: fetched, run, deleted.
  void AddQuantizations(const Experiment& experiment) {
    std::vector<int> wanted;
    for (int i = 1; i < plan_.models_size(); ++i) {
      if (Wants(experiment, plan_.models(i).quant_method())) wanted.push_back(i);
    }
    for (const int i : wanted) {
      const Model& model = plan_.models(i);
      Fetch(i);
      Step& step = AddRun(experiment, model.quant_method(),
                          experiment.minutes() / static_cast<double>(wanted.size()));
      step.command.push_back(
          absl::StrCat("--model_", model.quant_method(), "=", ModelDirectory(plan_, model)));
      step.loads.push_back(i);
      if (!model.repository().empty()) {
        step.needs.push_back(absl::StrCat("fetch-", model.quant_method()));
      }
      Delete(i, steps_.back().id);
    }
  }

  void AddCudaVersions(const Experiment& experiment) {
    for (const CudaVersion& build : plan_.cuda_versions()) {
      const std::string suffix = CudaSuffix(build.version());
      if (!Wants(experiment, suffix)) continue;
      Step& step = AddRun(experiment, suffix, experiment.minutes() / plan_.cuda_versions_size());
      step.may_be_missing = true;
      step.command[0] = absl::StrCat(build.directory(), "/exp", experiment.id());
    }
  }

  // Into a step for each model or CUDA version that the plan names.
  bool IsSplit(const Experiment& experiment) const {
    return (experiment.id() == kQuantization && !plan_.models().empty()) ||
           (experiment.id() == kCudaVersion && !plan_.cuda_versions().empty());
  }

  void AddExperiment(const Experiment& experiment) {
    if (!IsSplit(experiment)) {
      AddRun(experiment, "", experiment.minutes());
    } else if (experiment.id() == kQuantization) {
      AddQuantizations(experiment);
    } else {
      AddCudaVersions(experiment);
    }
  }

  void AddFuseAndCompare() {
    Step& fuse = Add(StepKind::kFuse, "fuse");
    MakeFrom(fuse, "fuse", workspace_.Results(), workspace_.Experiments());
    // What the plan leaves out is not missed by the collector: LeftOut names it.
    const auto is_partial = [this](const Experiment& experiment) {
      return experiment.only_size() > 0 || IsSplit(experiment);
    };
    if (std::any_of(plan_.experiments().begin(), plan_.experiments().end(), is_partial)) {
      fuse.command.push_back("--allow_missing");
    }
    if (plan_.others().results().empty()) return;
    Step& compare = Add(StepKind::kCompare, "compare");
    compare.needs = {"fuse"};
    MakeFrom(compare, "compare", workspace_.Experiments(), workspace_.Report());
  }

  const Plan& plan_;
  const FindTool& find_tool_;
  const Workspace workspace_;
  std::vector<Step> steps_;
};

}  // namespace

std::vector<Step> MakeSteps(const Plan& plan, const FindTool& find_tool) {
  return StepMaker(plan, find_tool).Make();
}

std::vector<std::string> LeftOut(const Plan& plan, const std::vector<Step>& steps) {
  std::vector<std::string> left_out;
  for (const Experiment& experiment : plan.experiments()) {
    if (experiment.only_size() > 0) continue;
    std::set<std::string> missing(ConfigurationsOf(experiment.id()).begin(),
                                  ConfigurationsOf(experiment.id()).end());
    missing.erase(CudaSuffix(plan.machine().cuda_version()));
    for (const Step& step : steps) {
      if (step.experiment != experiment.id()) continue;
      if (step.suffixes.empty()) missing.clear();
      for (const std::string& suffix : step.suffixes) missing.erase(suffix);
    }
    if (missing.empty()) continue;
    const char* field = experiment.id() == kCudaVersion ? "cuda_versions" : "models";
    left_out.push_back(absl::StrCat("exp", experiment.id(), ": no ", field, " for ",
                                    absl::StrJoin(missing, ", ")));
  }
  return left_out;
}

std::string ModelDirectory(const Plan& plan, const Model& model) {
  if (!model.directory().empty()) return model.directory();
  return Workspace(plan.folder()).Model(model.repository());
}

bool LacksProgram(const Step& step) {
  return !step.command.empty() && access(step.command[0].c_str(), X_OK) != 0;
}

double PeakGigabytes(const Plan& plan, const std::vector<Step>& steps) {
  double together = 0, peak = 0;
  for (const Step& step : steps) {
    if (step.kind == StepKind::kFetch) together += plan.models(step.model).gigabytes();
    peak = std::max(peak, together);
    if (step.kind == StepKind::kDelete) together -= plan.models(step.model).gigabytes();
  }
  return peak;
}

}  // namespace forensics::pods
