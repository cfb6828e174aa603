// Files that are opened to be read or appended to, and nothing else that has a name.
#ifndef SCHEMA_REGULAR_FILE_H_
#define SCHEMA_REGULAR_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace forensics::schema {

// A descriptor for reading, which the caller closes. A directory, a pipe (which would be waited
// for) and a device (which has no end) are errors that name the path; NotFound where nothing is.
absl::StatusOr<int> OpenRegularFile(const std::string& path);

// The same for appending and reading; the file and its folder are made if need be.
absl::StatusOr<int> OpenRegularFileToAppend(const std::string& path);

// All that OpenRegularFile's descriptor gives.
absl::StatusOr<std::string> ReadRegularFile(const std::string& path);

}  // namespace forensics::schema

#endif  // SCHEMA_REGULAR_FILE_H_
