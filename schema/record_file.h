// A file of checksummed records: the framing of shards.
//
//   header   8 bytes "FPFSHARD", u32 version, u32 CRC-32 of the 12 bytes before
//   record   u32 length (not 0), u32 CRC-32 of its bytes, payload, u32 CRC-32 of the payload
//   end      u32 0, u32 CRC-32 of its bytes, u64 number of records, u32 CRC-32 of its bytes
//
// All integers are little-endian; CRC-32 is zlib's. The header keeps this layout in all versions.
// So a flipped bit, a cut file and a version from the future are told apart.
#ifndef SCHEMA_RECORD_FILE_H_
#define SCHEMA_RECORD_FILE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "schema/atomic_file.h"

namespace forensics::schema {

inline constexpr uint32_t kRecordFileVersion = 1;

class RecordWriter {
 public:
  static absl::StatusOr<RecordWriter> Create(const std::string& path);

  absl::Status Write(absl::string_view payload);
  // Writes the end and commits the file; without this there is no file.
  absl::Status Close();

 private:
  explicit RecordWriter(AtomicFile file) : file_(std::move(file)) {}

  AtomicFile file_;
  uint64_t count_ = 0;
};

// Calls `visit` with each payload in turn. Errors name path and offset:
//   DataLoss       a checksum does not match: a bit was flipped
//   OutOfRange     the file is cut
//   Unavailable    the system cannot read it, now
//   Unimplemented  written by a later version of this software
//   InvalidArgument  not such a file; or what `visit` returned
absl::Status ReadRecords(const std::string& path,
                         const std::function<absl::Status(absl::string_view payload)>& visit);

}  // namespace forensics::schema

#endif  // SCHEMA_RECORD_FILE_H_
