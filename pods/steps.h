// A plan as a list of steps.
#ifndef PODS_STEPS_H_
#define PODS_STEPS_H_

#include <functional>
#include <string>
#include <vector>

#include "pods/plan.pb.h"

namespace forensics::pods {

// What each is done by, and when, stands in step_rules.h.
enum class StepKind {
  kFetch,       // a model, from the hub
  kTrial,       // the model loads, the prompt has its length, three short repetitions agree
  kTrialFuse,   // what the trial captured is an experiment file that follows the schema
  kExperiment,  // or one configuration of it
  kDelete,      // a quantised model that no later step needs
  kFuse,
  kCompare,
};

struct Step {
  StepKind kind = StepKind::kExperiment;
  std::string id;                     // "exp3-gptq"; also the name of its log
  std::vector<std::string> needs;     // ids of earlier steps without which it cannot be run
  std::vector<std::string> command;   // program and arguments; none: the orchestrator does it
  std::string input, output;          // folders, of kinds whose output is made from the input alone
  bool may_be_missing = false;        // its program: then it is named and the rest is run
  int experiment = -1;                // kExperiment
  std::vector<std::string> suffixes;  // its configurations; none: those that its runs name
  bool is_part = false;               // one configuration of an experiment, as a step of its own
  std::vector<int> loads;             // indices in plan.models, of kTrial and kExperiment
  int model = -1;                     // the same of the one that comes or goes
  double estimated_seconds = 0;       // the plan's, 0 if it says nothing
};

// Where a tool ("exp0", "fuse", "compare", "fetch_model") is.
using FindTool = std::function<std::string(const std::string& name)>;

// Fetches a model before its first use and deletes it after its last; each quantised model and each
// CUDA version is a step of its own, so that the reference's model and one other lie together.
std::vector<Step> MakeSteps(const Plan& plan, const FindTool& find_tool);

// What the plan's experiments name and no step runs, for want of a model or a CUDA version:
// "exp6: no cuda_versions for cu118, cu121". Nothing that `only` leaves out.
std::vector<std::string> LeftOut(const Plan& plan, const std::vector<Step>& steps);

// Where the model lies, or will.
std::string ModelDirectory(const Plan& plan, const Model& model);

// Whether the step has a program that is not there.
bool LacksProgram(const Step& step);

// Gigabytes of the largest set of models that the steps fetch and let lie together.
double PeakGigabytes(const Plan& plan, const std::vector<Step>& steps);

}  // namespace forensics::pods

#endif  // PODS_STEPS_H_
