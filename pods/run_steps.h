// The steps that run the model: the trial, and the experiments.
#ifndef PODS_RUN_STEPS_H_
#define PODS_RUN_STEPS_H_

#include <string>
#include <utility>
#include <vector>

#include "pods/file_digests.h"
#include "pods/gpu_facts.h"
#include "pods/plan.pb.h"
#include "pods/run_reader.h"
#include "pods/step_rules.h"
#include "pods/workspace.h"

namespace forensics::pods {

// What both have: runs, and beside them, in FOLDER/stamps/<step>, what they are of.
class RunRules : public StepRules {
 public:
  // `digests`: of the files that the plan gives to runs.
  RunRules(const Plan& plan, RunReader& runs, FileDigests& digests)
      : plan_(plan), workspace_(plan.folder()), runs_(runs), digests_(digests) {}

  // Before the first run is finished, so that none is ever without a stamp.
  absl::Status Begin(const Step& step) override;

 protected:
  // FailedPrecondition if the run loaded other weights than the step was to load, both digests
  // named; what is not known of them differs from nothing.
  absl::Status CheckModel(const Step& step, const schema::RunDirectory& run,
                          const schema::RunManifest& manifest) const;

  const Plan& plan_;
  const Workspace workspace_;
  RunReader& runs_;
  FileDigests& digests_;
};

// It is no result: one of other work, or on other GPUs than `gpus`, is made again.
class TrialRules : public RunRules {
 public:
  TrialRules(const Plan& plan, std::vector<GpuFacts> gpus, RunReader& runs, FileDigests& digests)
      : RunRules(plan, runs, digests), gpus_(std::move(gpus)) {}

  absl::StatusOr<StepState> StateOf(const Step& step, Thoroughness thoroughness) override;
  absl::Status Begin(const Step& step) override;
  // As CheckModel.
  absl::Status End(const Step& step) override;

 private:
  const std::vector<GpuFacts> gpus_;
};

class ExperimentRules : public RunRules {
 public:
  using RunRules::RunRules;

  absl::Status CheckWork(const Step& step) override;
  absl::StatusOr<StepState> StateOf(const Step& step, Thoroughness thoroughness) override;

 private:
  // The label under which this machine's runs lie: the plan's, else the trial's. NotFound: not yet.
  absl::StatusOr<std::string> Hardware();
  // Of the runs below `results`.
  absl::Status CheckStamp(const Step& step, const std::string& results);
  bool HasFinishedRuns(const Step& step, const std::string& results);
  absl::StatusOr<std::vector<std::string>> Suffixes(const Step& step, const std::string& hardware);
  absl::StatusOr<StepState> StateOfRun(const Step& step, const std::string& hardware,
                                       const std::string& suffix);
  // Whether the finished run is what the plan asks for, where the plan says it.
  absl::Status CheckIsOfPlan(const Step& step, const schema::RunDirectory& run,
                             const schema::RunManifest& manifest);
};

}  // namespace forensics::pods

#endif  // PODS_RUN_STEPS_H_
