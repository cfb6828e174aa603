// What decides the bits of a step's results, as the plan says it: by it finished results are told
// from those of another plan, whose manifests alone do not say it all.
#ifndef PODS_STEP_WORK_H_
#define PODS_STEP_WORK_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pods/plan.pb.h"
#include "pods/steps.h"

namespace forensics::pods {

// {"model": "org/awq 0123...", "document_tokens": "6000", ...}. Files count by what they hold; a
// model that is fetched by its commit, any other by the digest that manifests state (model.digest).
using StepWork = std::map<std::string, std::string>;

// Of what is not here any more, such as a model that was deleted since.
inline constexpr char kUnknownWork[] = "?";

// What the experiments say where a plan does not.
inline constexpr int kDefaultDocumentTokens = 6000;
inline constexpr int kDefaultDecodeSteps = 30;

// Of a step of kind kTrial or kExperiment, from its command, the models' commits, the files that it
// is given and the MANIFEST of the bundle whose program it starts.
absl::StatusOr<StepWork> WorkOf(const Plan& plan, const Step& step);

// One line each.
std::string WorkText(const StepWork& work);
StepWork ParseWork(absl::string_view text);

// "model is org/awq 0123..., expected org/awq 4567...; decode_steps is 30, expected 8"; empty:
// none. What is unknown on either side differs from nothing.
std::string WorkDifference(const StepWork& found, const StepWork& expected);

}  // namespace forensics::pods

#endif  // PODS_STEP_WORK_H_
