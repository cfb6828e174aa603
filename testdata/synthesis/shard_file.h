// A large file of known size that several threads write at once, and that is there whole or not at
// all.
#ifndef TESTDATA_SYNTHESIS_SHARD_FILE_H_
#define TESTDATA_SYNTHESIS_SHARD_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::synthesis {

// Written as "<path>.tmp.<pid>" (schema/atomic_file.h: RemoveStaleTemporaries finds what a killed
// process leaves), renamed by Commit, removed if destroyed before. Unlike AtomicFile it does not
// wait for the disk: the bytes can be made again.
class ShardFile {
 public:
  // Takes the room on the disk, where the file system can, so that a full one is found at once.
  // ResourceExhausted where it is full.
  static absl::StatusOr<ShardFile> Create(const std::string& path, int64_t bytes);
  ShardFile(ShardFile&& other) noexcept;
  ShardFile& operator=(ShardFile&&) = delete;
  ~ShardFile();

  // From any thread.
  absl::Status Write(absl::string_view bytes, int64_t offset) const;
  absl::Status Commit();

 private:
  ShardFile(std::string path, std::string temporary, int descriptor);

  std::string path_;
  std::string temporary_;
  int descriptor_;
};

}  // namespace forensics::synthesis

#endif  // TESTDATA_SYNTHESIS_SHARD_FILE_H_
