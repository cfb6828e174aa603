// How an experiment file is read.
#ifndef ANALYZER_READING_READ_OPTIONS_H_
#define ANALYZER_READING_READ_OPTIONS_H_

#include <cstddef>
#include <functional>
#include <memory>

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
  // Called for each run before it is added to the experiment, in the file's order; may release what
  // is not needed of the run.
  std::function<void(const Experiment& so_far, RunRecord& run)> before_adding = nullptr;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_READING_READ_OPTIONS_H_
