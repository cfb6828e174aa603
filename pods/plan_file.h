// Plans as people write them.
#ifndef PODS_PLAN_FILE_H_
#define PODS_PLAN_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pods/plan.pb.h"

namespace forensics::pods {

// What a command line changes of a plan; empty: nothing.
struct PlanOverrides {
  std::string folder;
  // Holds every model in a folder of the last part of its repository's name: nothing is fetched.
  std::string model_dir;
};

// Parses `text`, which errors call `name`: a syntax error with line and column, or everything that
// is wrong with what the plan says. Defaults are filled in; paths are where the user meant them.
absl::StatusOr<Plan> ParsePlan(absl::string_view name, absl::string_view text,
                               const PlanOverrides& overrides);

absl::StatusOr<Plan> ReadPlan(const std::string& path, const PlanOverrides& overrides);

}  // namespace forensics::pods

#endif  // PODS_PLAN_FILE_H_
