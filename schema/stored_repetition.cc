#include "schema/stored_repetition.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace forensics::schema {

absl::Status CheckEqual(const std::string& path, const std::string& field, const std::string& found,
                        const std::string& expected) {
  if (found == expected) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path, ": ", field, " is ", found, ", expected ", expected));
}

absl::Status CheckEqual(const std::string& path, const std::string& field, int64_t found,
                        int64_t expected) {
  return CheckEqual(path, field, absl::StrCat(found), absl::StrCat(expected));
}

absl::StatusOr<Repetition> ReadStoredRepetition(const RunDirectory& directory,
                                                const RunManifest& manifest, int number) {
  const absl::StatusOr<std::string> path = directory.FindShard(number, /*rank=*/0);
  if (!path.ok()) return path.status();
  absl::StatusOr<Repetition> repetition = ReadShard(*path);
  if (!repetition.ok()) return repetition;
  const ShardHeader& header = repetition->header;
  absl::Status status = CheckEqual(*path, "config_id", header.config_id(), manifest.config_id());
  status.Update(CheckEqual(*path, "work_digest", header.work_digest(), manifest.work_digest()));
  status.Update(CheckEqual(*path, "repetition", header.repetition(), number));
  status.Update(CheckEqual(*path, "signals_sha256", repetition->footer.signals_sha256(),
                           manifest.repetitions(number).signals_sha256()));
  status.Update(CheckEqual(*path, "number of steps", static_cast<int64_t>(repetition->steps.size()),
                           manifest.decode_steps()));
  if (!status.ok()) return status;
  return repetition;
}

}  // namespace forensics::schema
