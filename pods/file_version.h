// Whether a file is still what it was, without reading it.
#ifndef PODS_FILE_VERSION_H_
#define PODS_FILE_VERSION_H_

#include <string>

#include "absl/status/statusor.h"

namespace forensics::pods {

// "<size> <inode> <seconds>.<nanoseconds>", the time being that of its last change: equal as long
// as nobody writes the file or puts another in its place. NotFound names the path.
absl::StatusOr<std::string> FileVersion(const std::string& path);

}  // namespace forensics::pods

#endif  // PODS_FILE_VERSION_H_
