// Which runs make which experiment's file: pure, all from manifests.
#ifndef COLLECTOR_EXPERIMENT_PLAN_H_
#define COLLECTOR_EXPERIMENT_PLAN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "collector/run_set.h"

namespace forensics::collector {

// One entry of "configurations": a run as it appears in one experiment's file.
struct Configuration {
  const Run* run = nullptr;
  std::string config_id;
  google::protobuf::Value value;
};

struct ExperimentPlan {
  std::string name;         // experiment_type
  std::string variable;     // variable_tested
  std::string output_file;  // a file name without folder
  // By hardware; the reference first, then the experiment's values in its own order.
  std::vector<Configuration> configurations;
  std::vector<std::string> gaps;   // runs that the experiment asks for and that are not there
  std::vector<std::string> notes;  // choices made: copies left out, which reference was taken
};

// Names of the experiments that `runs` holds, the reference first, then by their number.
std::vector<std::string> ExperimentNames(const std::vector<Run>& runs);

// Plans the file of experiment `name`, of which `runs` must hold a run. FailedPrecondition says
// what does not go together: two different runs of one configuration, or a mixture (see
// comparable.h), with both directories.
absl::StatusOr<ExperimentPlan> PlanExperiment(const std::string& name,
                                              const std::vector<Run>& runs);

}  // namespace forensics::collector

#endif  // COLLECTOR_EXPERIMENT_PLAN_H_
