// What was printed has arrived, or it is said.
#ifndef SCHEMA_STANDARD_OUTPUT_H_
#define SCHEMA_STANDARD_OUTPUT_H_

#include "absl/status/status.h"

namespace forensics::schema {

// Flushes std::cout. An error if anything printed so far was lost, as on a full device.
absl::Status FlushStandardOutput();

}  // namespace forensics::schema

#endif  // SCHEMA_STANDARD_OUTPUT_H_
