// Reads one element of an experiment's "runs".
#ifndef ANALYZER_READING_RUN_READER_H_
#define ANALYZER_READING_RUN_READER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/reading/experiment.h"
#include "analyzer/reading/json_cursor.h"

namespace forensics::analyzer {

// Reads the run that the cursor stands before. What is odd but readable is added to `findings`.
absl::StatusOr<RunRecord> ReadRun(JsonCursor& cursor, std::vector<std::string>& findings);

}  // namespace forensics::analyzer

#endif  // ANALYZER_READING_RUN_READER_H_
