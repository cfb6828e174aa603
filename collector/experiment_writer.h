// Streams one experiment's file.
#ifndef COLLECTOR_EXPERIMENT_WRITER_H_
#define COLLECTOR_EXPERIMENT_WRITER_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "collector/experiment_plan.h"

namespace forensics::collector {

struct WrittenFile {
  std::string path;
  int64_t bytes = 0;
  int configurations = 0;
  int runs = 0;  // entries, one a repetition
};

// Called before each configuration's runs are written.
using Progress = std::function<void(const ExperimentPlan& plan, size_t configuration)>;

// Writes FOLDER/<plan.output_file>, whole or not at all, checked against the schema; one
// repetition's signals are in memory at a time. `date_created`: UTC, "YYYY-MM-DD HH:MM:SS".
absl::StatusOr<WrittenFile> WriteExperiment(const ExperimentPlan& plan, const std::string& folder,
                                            const std::string& date_created,
                                            const Progress& progress);

// "30B", "1.7B", "596M": cut, not rounded, as models are named; "" if unknown.
std::string ModelSize(int64_t parameters);

}  // namespace forensics::collector

#endif  // COLLECTOR_EXPERIMENT_WRITER_H_
