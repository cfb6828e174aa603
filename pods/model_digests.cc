#include "pods/model_digests.h"

#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"

namespace forensics::pods {
namespace {

std::string ListIn(const std::string& directory) {
  return absl::StrCat(directory, "/", kModelDigests);
}

absl::Status CheckFile(const std::string& directory, const std::string& name,
                       const std::string& expected, Thoroughness thoroughness) {
  const std::string path = absl::StrCat(directory, "/", name);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return absl::DataLossError(
        absl::StrCat(path, ": is missing, but stands in ", ListIn(directory)));
  }
  if (thoroughness == Thoroughness::kPresence) return absl::OkStatus();
  const absl::StatusOr<std::string> found = schema::Sha256HexOfFile(path);
  if (!found.ok()) return found.status();
  if (*found == expected) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path, ": SHA-256 is ", *found, ", expected ", expected));
}

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ReadModelDigests(const std::string& directory,
                                                                    const Model& model) {
  const std::string list = ListIn(directory);
  std::error_code error;
  if (!std::filesystem::exists(list, error)) {
    return absl::NotFoundError(absl::StrCat(directory, ": no model that was fetched to its end"));
  }
  const absl::StatusOr<std::string> text = schema::ReadFile(list);
  if (!text.ok()) return text.status();
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n', absl::SkipEmpty());
  const std::string heading = absl::StrCat("# ", model.repository(), " ", model.revision(), " ");
  if (lines.size() < 2 || !absl::StartsWith(lines[0], heading)) {
    return absl::NotFoundError(absl::StrCat(list, ": expected files of ", model.repository(),
                                            ", revision ", model.revision()));
  }
  std::map<std::string, std::string> digests;
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (line.size() < kDigestDigits + 3 || line.substr(kDigestDigits, 2) != "  ") {
      return absl::DataLossError(absl::StrCat(list, ": not a digest and a name: '", line, "'"));
    }
    digests[line.substr(kDigestDigits + 2)] = line.substr(0, kDigestDigits);
  }
  return digests;
}

absl::Status CheckModelFolder(const std::string& directory, const Model& model,
                              Thoroughness thoroughness) {
  const auto digests = ReadModelDigests(directory, model);
  if (!digests.ok()) return digests.status();
  for (const auto& [name, digest] : *digests) {
    absl::Status status = CheckFile(directory, name, digest, thoroughness);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace forensics::pods
