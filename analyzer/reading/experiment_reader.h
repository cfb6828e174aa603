// Reads experiment JSON: the plan's schema with or without this project's additions.
#ifndef ANALYZER_READING_EXPERIMENT_READER_H_
#define ANALYZER_READING_EXPERIMENT_READER_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "analyzer/reading/experiment.h"
#include "analyzer/reading/structure_budget.h"

namespace forensics::analyzer {

struct ReadOptions {
  // Runs are read on all cores, in pieces of so much text; 0: as the file and the machine suggest.
  // The result does not depend on it.
  size_t piece_bytes = 0;
  // What the structure and text are taken from, for as long as the experiment lives; null: a budget
  // of its own. Beyond it the error is ResourceExhausted.
  std::shared_ptr<StructureBudget> budget = nullptr;
};

// Reads in one pass, in memory for the distinct vectors alone: a position that a window repeats
// with the same bits is kept once; one that is repeated with other bits is kept too, and is a
// finding. Keys may come in any order, and unknown ones are passed over. What is missing or null is
// left out; what has the wrong type is an error, as are a file without "configurations" or "runs",
// one of a later schema_version, a step number below 0, and a damaged file: the message says file,
// byte, line, JSON path and cause.
absl::StatusOr<Experiment> ReadExperiment(const std::string& path, const ReadOptions& options = {});

}  // namespace forensics::analyzer

#endif  // ANALYZER_READING_EXPERIMENT_READER_H_
