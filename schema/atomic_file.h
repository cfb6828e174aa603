// Files that are there whole or not at all.
#ifndef SCHEMA_ATOMIC_FILE_H_
#define SCHEMA_ATOMIC_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::schema {

// Writes to "<path>.tmp.<pid>"; Commit does fsync, rename to `path` and fsync of the folder.
// Destroyed before Commit, it removes the temporary file; a killed process leaves one, which
// RemoveStaleTemporaries finds. A full disk is an error (ResourceExhausted) of Append or Commit,
// and `path` keeps what it held. A symbolic link stays: the file that it leads to is replaced. A
// pipe, a character device or /dev/stdout is not replaced but written to, as bytes come.
class AtomicFile {
 public:
  // Makes the folder if need be. Fails for a directory, a block device, a pipe that nobody reads.
  static absl::StatusOr<AtomicFile> Create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  absl::Status Append(absl::string_view bytes);  // buffered
  absl::Status Sync();  // what was appended is on disk: to Commit there is the rename alone
  absl::Status Commit();

  const std::string& path() const { return path_; }

 private:
  AtomicFile(std::string path, std::string temporary, int fd);
  absl::Status Flush();

  std::string path_;
  std::string temporary_;  // empty: written straight to `path_`
  int fd_;
  std::string buffer_;
};

// Files of one work: none takes its place before all are whole. A process killed amid Commit's
// renames leaves some of them.
class AtomicFileSet {
 public:
  absl::Status Write(const std::string& path, absl::string_view bytes);
  absl::Status Commit();

 private:
  std::vector<AtomicFile> files_;
};

absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes);

// Removes what killed writers left in `directory`: temporary files whose process is gone.
absl::Status RemoveStaleTemporaries(const std::string& directory);

// Whole file, or an error that names it: also one of more than `most_bytes`, so that a device or a
// file given by mistake does not fill the memory.
inline constexpr size_t kMostFileBytes = size_t{256} << 20;
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t most_bytes = kMostFileBytes);

}  // namespace forensics::schema

#endif  // SCHEMA_ATOMIC_FILE_H_
