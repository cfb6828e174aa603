// Reads experiment JSON: the plan's schema with or without this project's additions.
#ifndef ANALYZER_READING_EXPERIMENT_READER_H_
#define ANALYZER_READING_EXPERIMENT_READER_H_

#include <string>

#include "absl/status/statusor.h"
#include "analyzer/reading/experiment.h"
#include "analyzer/reading/read_options.h"

namespace forensics::analyzer {

// Ten times what any experiment has: each is compared with each.
inline constexpr size_t kMostConfigurations = 1024;

// Reads in one pass, in memory for the distinct vectors alone: a position that a window repeats
// with the same bits is kept once; one that is repeated with other bits is kept too, and is a
// finding. Keys may come in any order, and unknown ones are passed over. What is missing or null is
// left out; what has the wrong type is an error, as are a file without "configurations" or "runs",
// one of a later schema_version, a step number below 0, and a damaged file: the message says file,
// byte, line, JSON path and cause.
absl::StatusOr<Experiment> ReadExperiment(const std::string& path, const ReadOptions& options = {});

}  // namespace forensics::analyzer

#endif  // ANALYZER_READING_EXPERIMENT_READER_H_
