// What tells one kind of step from another: all of it. Elsewhere a step is asked for its kind only
// to be picked out of a plan.
//
//   kind        reads             leaves             done when
//   fetch       the hub           models/X           every file has its digest, or all that load
//                                                    it are done
//   trial       model, prompt     trial/results      one run of this work, on such a GPU or CPU,
//                                                    of three equal repetitions
//   trial-fuse  trial/results     trial/experiments  its stamp names the digests of what it was
//                                                    made from and what it made
//   experiment  model, prompt,    results            a whole run of this work for each of its
//               reference                            configurations
//   delete      models/X          -                  models/X is gone, and all that load it are
//                                                    done
//   fuse        results, others'  experiments        as trial-fuse
//   compare     experiments       report             as trial-fuse; without others' results it
//                                                    waits
//
// Where what a step reads is not what it was, a trial and what is made from runs is made again; an
// experiment's results are kept, and the plan refused (CheckWork).
#ifndef PODS_STEP_RULES_H_
#define PODS_STEP_RULES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pods/model_digests.h"
#include "pods/steps.h"

namespace forensics::pods {

// kWaiting: for other machines' results.
enum class StepState { kLeft, kDone, kNotReproducible, kWaiting };

// Of one kind; for steps of that kind alone. In the order in which they are asked.
class StepRules {
 public:
  virtual ~StepRules() = default;

  // FailedPrecondition if finished results of the step are of something else than the plan says
  // now, both named.
  virtual absl::Status CheckWork(const Step&) { return absl::OkStatus(); }

  // As what lies on disk says; no journal is trusted. Runs are read whole, every digest checked;
  // models as thoroughly as asked. An error says what lies in the way: a finished run that is
  // damaged or of another plan.
  virtual absl::StatusOr<StepState> StateOf(const Step& step, Thoroughness thoroughness) = 0;

  // Once, before the first attempt. What was deleted for it is named in `notes`; an error says what
  // is still in the way.
  virtual absl::Status MakeRoom(const Step&, std::vector<std::string>& /*notes*/) {
    return absl::OkStatus();
  }

  // Before each attempt: stamps what is about to be made, and removes what it replaces.
  virtual absl::Status Begin(const Step&) { return absl::OkStatus(); }

  // Program and arguments of this attempt; none: Do is called instead.
  virtual std::vector<std::string> CommandOf(const Step& step) { return step.command; }
  virtual absl::Status Do(const Step&) { return absl::OkStatus(); }

  // Whether a process that ended with exit code 4 has done its work, but for what it names.
  virtual bool IsDoneWithoutWhatIsMissing() const { return false; }

  // After a process that did its work; StateOf is then asked once more.
  virtual absl::Status End(const Step&) { return absl::OkStatus(); }

  // What a step that is done, waits, or was made once is still without: named at the end.
  virtual std::vector<std::string> StillMissing(const Step&) { return {}; }
};

}  // namespace forensics::pods

#endif  // PODS_STEP_RULES_H_
