#include "pods/model_steps.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pods/disk_room.h"
#include "pods/remove_model.h"
#include "pods/workspace.h"

namespace forensics::pods {
bool ModelRules::AllUsersDone(const Step& step) const {
  return std::all_of(steps_.begin(), steps_.end(), [&](const Step& user) {
    const bool loads_it =
        std::find(user.loads.begin(), user.loads.end(), step.model) != user.loads.end();
    return !loads_it || is_done_(user);
  });
}

std::string ModelRules::Directory(const Step& step) const {
  return ModelDirectory(plan_, plan_.models(step.model));
}

absl::Status ModelRules::Remove(const Step& step) const {
  return RemoveModel(Workspace(plan_.folder()).Models(), Directory(step), plan_.models(step.model));
}

absl::StatusOr<StepState> FetchRules::StateOf(const Step& step, Thoroughness thoroughness) {
  const Model& model = plan_.models(step.model);
  if (CheckModelFolder(Directory(step), model, thoroughness).ok()) return StepState::kDone;
  // What is damaged is fetched again, file by file.
  return AllUsersDone(step) ? StepState::kDone : StepState::kLeft;
}

absl::Status FetchRules::MakeRoom(const Step& step, std::vector<std::string>& notes) {
  const double gigabytes = plan_.models(step.model).gigabytes();
  absl::Status room = CheckRoom(plan_, gigabytes);
  for (const Step& earlier : steps_) {
    if (room.ok() || earlier.id == step.id) break;
    if (earlier.kind != StepKind::kDelete || !Exists(Directory(earlier))) continue;
    if (absl::Status status = Remove(earlier); !status.ok()) return status;
    notes.push_back(absl::StrCat("deleted  the model of ", absl::StrJoin(earlier.needs, ", "),
                                 ", which failed, to make room for ", step.id, ": ",
                                 room.message()));
    room = CheckRoom(plan_, gigabytes);
  }
  return room;
}

absl::StatusOr<StepState> DeleteRules::StateOf(const Step& step, Thoroughness) {
  return Exists(Directory(step)) || !AllUsersDone(step) ? StepState::kLeft : StepState::kDone;
}

}  // namespace forensics::pods
