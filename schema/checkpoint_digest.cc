#include "schema/checkpoint_digest.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "schema/digest.h"

namespace forensics::schema {

bool IsCheckpointFile(absl::string_view name) {
  const bool is_below = absl::StrContains(name, "/");
  return name == kCheckpointConfigFile || (absl::EndsWith(name, ".safetensors") && !is_below);
}

std::string CheckpointDigest(const std::map<std::string, std::string>& files) {
  std::string lines;
  for (const auto& [name, sha256] : files) absl::StrAppend(&lines, sha256, "  ", name, "\n");
  return Sha256Hex(lines);
}

}  // namespace forensics::schema
