// The steps by which models come and go.
#ifndef PODS_MODEL_STEPS_H_
#define PODS_MODEL_STEPS_H_

#include <functional>
#include <string>
#include <vector>

#include "pods/plan.pb.h"
#include "pods/step_rules.h"

namespace forensics::pods {

// What both look at: one model's folder, and whether the steps that load it are done.
class ModelRules : public StepRules {
 public:
  // `is_done`: asked of other steps of the plan.
  ModelRules(const Plan& plan, const std::vector<Step>& steps,
             std::function<bool(const Step&)> is_done)
      : plan_(plan), steps_(steps), is_done_(std::move(is_done)) {}

 protected:
  bool AllUsersDone(const Step& step) const;
  std::string Directory(const Step& step) const;
  // Of the step's model.
  absl::Status Remove(const Step& step) const;

  const Plan& plan_;
  const std::vector<Step>& steps_;

 private:
  const std::function<bool(const Step&)> is_done_;
};

class FetchRules : public ModelRules {
 public:
  using ModelRules::ModelRules;

  absl::StatusOr<StepState> StateOf(const Step& step, Thoroughness thoroughness) override;
  // Where the model does not fit: deletes those that lie here because the step failed that needed
  // them.
  absl::Status MakeRoom(const Step& step, std::vector<std::string>& notes) override;
};

class DeleteRules : public ModelRules {
 public:
  using ModelRules::ModelRules;

  absl::StatusOr<StepState> StateOf(const Step& step, Thoroughness thoroughness) override;
  absl::Status Do(const Step& step) override { return Remove(step); }
};

}  // namespace forensics::pods

#endif  // PODS_MODEL_STEPS_H_
