// What of a plan is done, as what lies on disk says; no journal is trusted.
#ifndef PODS_STEP_STATE_H_
#define PODS_STEP_STATE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pods/digest_list.h"
#include "pods/gpu_facts.h"
#include "pods/plan.pb.h"
#include "pods/steps.h"
#include "pods/workspace.h"

namespace forensics::pods {

// kWaiting: for other machines' results.
enum class StepState { kLeft, kDone, kNotReproducible, kWaiting };

// Whether the collector or the analyzer does it, whose files have a stamp of what they are made
// from.
bool IsFuseOrCompare(const Step& step);

class DiskState {
 public:
  // `gpus`: those of this machine; a trial on another machine's does not count.
  DiskState(const Plan& plan, const std::vector<Step>& steps, std::vector<GpuFacts> gpus)
      : plan_(plan), steps_(steps), workspace_(plan.folder()), gpus_(std::move(gpus)) {}

  // Runs are read whole, every digest checked; models as thoroughly as asked. An error says what
  // lies in the way: a finished run that is damaged or of another plan.
  absl::StatusOr<StepState> Of(const Step& step, Thoroughness thoroughness) const;

  // Whether all finished results are of what this plan says. FailedPrecondition names what they are
  // of and what was expected.
  absl::Status CheckWork() const;

  // NotFound if a fuse or compare that has just ended left nothing where it was to.
  absl::Status CheckLeftFiles(const Step& step) const;

  // Notes on disk what a fuse or compare that has just ended was made from and what it made; or
  // what a trial or experiment is of that is about to begin.
  absl::Status WriteStamp(const Step& step) const;

  // The same of what it missed although it did its work, until it is done again.
  absl::Status NoteIncomplete(const Step& step, const std::string& missed) const;
  void ForgetIncomplete(const Step& step) const;
  bool WasIncomplete(const Step& step) const;

  // The other machines' results folders that have finished runs.
  std::vector<std::string> OthersWithRuns() const;
  // Those that have none yet.
  std::vector<std::string> OthersAwaited() const;

 private:
  absl::StatusOr<StepState> OfTrial(const Step& step) const;
  absl::StatusOr<StepState> OfExperiment(const Step& step) const;
  absl::StatusOr<StepState> OfRun(const std::string& hardware, const std::string& suffix,
                                  const Step& step) const;
  absl::StatusOr<StepState> OfFetch(const Step& step, Thoroughness thoroughness) const;
  absl::StatusOr<StepState> OfStamp(const Step& step) const;
  absl::StatusOr<std::string> Stamp(const Step& step) const;
  absl::Status CheckWorkOf(const Step& step, const std::string& hardware) const;
  bool HasFinishedRuns(const Step& step, const std::string& hardware) const;
  // The label under which this machine's runs lie: the plan's, else the trial's. NotFound: not yet.
  absl::StatusOr<std::string> Hardware() const;
  absl::StatusOr<std::vector<std::string>> Suffixes(const Step& step,
                                                    const std::string& hardware) const;
  bool AllUsersDone(int model) const;

  const Plan& plan_;
  const std::vector<Step>& steps_;
  const Workspace workspace_;
  const std::vector<GpuFacts> gpus_;
};

// "waiting for finished runs in a100/results"
std::string WaitingText(const DiskState& disk);

}  // namespace forensics::pods

#endif  // PODS_STEP_STATE_H_
