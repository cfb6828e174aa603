// Reads an experiment's "runs", several of them at the same time.
//
// The array is cut where its text looks as if a run began, and the pieces are read on all cores. A
// cut holds only if the piece before it, read from a place that held, ended there; else that part
// is read again, alone, as is a piece with an error or with what the schema does not allow. So the
// result, and every message with its byte and path, is that of reading from front to back.
#ifndef ANALYZER_READING_RUNS_READER_H_
#define ANALYZER_READING_RUNS_READER_H_

#include "absl/status/status.h"
#include "analyzer/reading/experiment.h"
#include "analyzer/reading/json_cursor.h"
#include "analyzer/reading/read_options.h"
#include "schema/experiment_json.h"

namespace forensics::analyzer {

inline constexpr size_t kMostRuns =
    65536;  // 64 repetitions of as many configurations as there may be

// Reads the array that the cursor stands before, or a null, into `experiment`: its runs, and
// findings. `checker` is the cursor's. What is no regular file is read in one piece.
absl::Status ReadRuns(JsonCursor& cursor, schema::ExperimentChecker& checker,
                      const ReadOptions& options, Experiment& experiment);

}  // namespace forensics::analyzer

#endif  // ANALYZER_READING_RUNS_READER_H_
