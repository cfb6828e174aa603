// Digests of large files, remembered from one start to the next.
#ifndef PODS_FILE_DIGESTS_H_
#define PODS_FILE_DIGESTS_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace forensics::pods {

// Kept in FOLDER/stamps/files. A file of the size, number and time of change that it had is not
// read again.
class FileDigests {
 public:
  explicit FileDigests(const std::string& folder);
  // Keeps what it learned, if FOLDER is a plan's already.
  ~FileDigests();
  FileDigests(const FileDigests&) = delete;
  FileDigests& operator=(const FileDigests&) = delete;

  // SHA-256, in hex. An error names the file.
  absl::StatusOr<std::string> Of(const std::string& path);

 private:
  const std::string folder_;
  std::map<std::string, std::string> digests_;  // {"size inode nanoseconds path": digest}
  bool learned_ = false;
};

}  // namespace forensics::pods

#endif  // PODS_FILE_DIGESTS_H_
