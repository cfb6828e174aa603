// What decides the bits of a step's results, as the plan says it: by it finished results are told
// from those of another plan, whose manifests alone do not say it all.
#ifndef PODS_STEP_WORK_H_
#define PODS_STEP_WORK_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pods/file_digests.h"
#include "pods/plan.pb.h"
#include "pods/steps.h"

namespace forensics::pods {

// {"model": "org/awq 0123...", "document_tokens": "6000", ...}. Files count by what they hold,
// models as ModelIdentity has them.
using StepWork = std::map<std::string, std::string>;

// Of what is not here any more, such as a model that was deleted since.
inline constexpr char kUnknownWork[] = "?";

// What the experiments say where a plan does not.
inline constexpr int kDefaultDocumentTokens = 6000;
inline constexpr int kDefaultDecodeSteps = 30;

// Of a step that runs the model, from its command, the models' commits, the files that it is given
// and the MANIFEST of the bundle whose program it starts.
absl::StatusOr<StepWork> WorkOf(const Plan& plan, const Step& step, FileDigests& digests);

// One line each.
std::string WorkText(const StepWork& work);
StepWork ParseWork(absl::string_view text);

// "model is org/awq 0123..., expected org/awq 4567...; decode_steps is 30, expected 8"; empty:
// none. What is unknown on either side differs from nothing.
std::string WorkDifference(const StepWork& found, const StepWork& expected);

// Notes on disk what a step is of that is about to begin. What was noted before is kept where it is
// unknown now.
absl::Status WriteWorkStamp(const Plan& plan, const Step& step, FileDigests& digests);

// What was noted; NotFound: nothing.
absl::StatusOr<StepWork> ReadWorkStamp(const Plan& plan, const Step& step);

// The WorkDifference between what was noted and what the plan says now; nullopt: nothing was.
absl::StatusOr<std::optional<std::string>> WorkSinceStamp(const Plan& plan, const Step& step,
                                                          FileDigests& digests);

}  // namespace forensics::pods

#endif  // PODS_STEP_WORK_H_
