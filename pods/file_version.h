// Whether a file is still what it was, without reading it.
#ifndef PODS_FILE_VERSION_H_
#define PODS_FILE_VERSION_H_

#include <string>

#include "absl/status/statusor.h"

namespace forensics::pods {

// "<size> <device> <inode> <modified> <changed>", times as "<seconds>.<nanoseconds>": equal as long
// as nobody writes the file or puts another in its place; moved to another volume it differs too.
// A program that sets times back (cp -p) cannot set the last one. Two writes within one tick of the
// system's clock, a few milliseconds, are one. NotFound, or Unavailable where the system does not
// say, names the path.
absl::StatusOr<std::string> FileVersion(const std::string& path);

}  // namespace forensics::pods

#endif  // PODS_FILE_VERSION_H_
