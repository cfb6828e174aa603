// The whole of `bazel run //collector:fuse`: results folders to experiment files.
#ifndef COLLECTOR_FUSE_H_
#define COLLECTOR_FUSE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/experiment_writer.h"
#include "collector/run_set.h"

namespace forensics::collector {

struct FuseOptions {
  RunSetOptions runs;
  std::string output;        // folder
  std::string date_created;  // UTC, "YYYY-MM-DD HH:MM:SS"
  // Runs that an experiment asks for and that are not there are notes, not problems.
  bool allow_missing = false;
};

struct FuseReport {
  std::vector<WrittenFile> files;
  std::vector<std::string> notes;     // choices made; all is well
  std::vector<std::string> problems;  // what was asked for and is missing, damaged or refused
};

// Writes the file of each experiment that was found (or asked for). What is wrong with one does not
// keep the others from being written: it is a problem in the report. An error: nothing was found,
// or the output folder cannot be written.
absl::StatusOr<FuseReport> Fuse(const FuseOptions& options, const Progress& progress);

}  // namespace forensics::collector

#endif  // COLLECTOR_FUSE_H_
