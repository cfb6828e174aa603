// Digests of files, each of which is read once.
#ifndef PODS_FILE_DIGESTS_H_
#define PODS_FILE_DIGESTS_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace forensics::pods {

// A file whose FileVersion is what it was is not read again.
class FileDigests {
 public:
  // Remembered as long as this object is there.
  FileDigests() = default;
  // Remembered in FOLDER/stamps/files too, from one start to the next, if FOLDER is a plan's; what
  // is damaged there is not believed, and the files are read again.
  explicit FileDigests(const std::string& folder);

  // SHA-256, in hex. An error names the file.
  absl::StatusOr<std::string> Of(const std::string& path);

 private:
  void Keep() const;

  std::string folder_;                          // empty: none
  std::map<std::string, std::string> digests_;  // {"version path": digest}
};

}  // namespace forensics::pods

#endif  // PODS_FILE_DIGESTS_H_
