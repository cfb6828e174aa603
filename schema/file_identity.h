// Which file a path leads to, and whether two paths lead to one.
#ifndef SCHEMA_FILE_IDENTITY_H_
#define SCHEMA_FILE_IDENTITY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace forensics::schema {

// Where `path` leads, symbolic links followed, also where there is no file yet. A descriptor of
// this process (/dev/stdout) stays /proc/self/fd/N.
absl::StatusOr<std::string> FollowLinks(std::string path);

// The N of "/proc/self/fd/N", /dev/fd/N; -1 for any other path.
int OwnDescriptor(const std::string& path);

// Equal for paths that lead to one file: device and inode, or where it will be made.
std::string FileIdentity(const std::string& path);

struct OutputFile {
  std::string name;  // of the flag, for messages
  std::string path;  // empty: not asked for
};

// An error (of usage) if an output is an input or another output. Devices and pipes, which nothing
// replaces, may be named twice, and so may one descriptor of this process, also where it leads to a
// file: what is written goes behind what was.
absl::Status CheckOutputsAreDistinct(const std::vector<OutputFile>& outputs,
                                     const std::vector<std::string>& inputs);

}  // namespace forensics::schema

#endif  // SCHEMA_FILE_IDENTITY_H_
