#include "pods/digest_list.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"

namespace forensics::pods {
namespace {

constexpr size_t kHexDigits = 64;

absl::Status CheckLine(const std::string& directory, absl::string_view line,
                       Thoroughness thoroughness) {
  const std::string list = absl::StrCat(directory, "/", kModelDigests);
  if (line.size() < kHexDigits + 3 || line.substr(kHexDigits, 2) != "  ") {
    return absl::DataLossError(absl::StrCat(list, ": not a digest and a name: '", line, "'"));
  }
  const std::string path = absl::StrCat(directory, "/", line.substr(kHexDigits + 2));
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return absl::DataLossError(absl::StrCat(path, ": is missing, but stands in ", list));
  }
  if (thoroughness == Thoroughness::kPresence) return absl::OkStatus();
  const absl::StatusOr<std::string> found = schema::Sha256HexOfFile(path);
  if (!found.ok()) return found.status();
  if (*found == line.substr(0, kHexDigits)) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(path, ": SHA-256 is ", *found, ", expected ", line.substr(0, kHexDigits)));
}

}  // namespace

absl::Status CheckModelFolder(const std::string& directory, const Model& model,
                              Thoroughness thoroughness) {
  const std::string list = absl::StrCat(directory, "/", kModelDigests);
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
  for (size_t i = 1; i < lines.size(); ++i) {
    if (absl::Status status = CheckLine(directory, lines[i], thoroughness); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> DigestList(const std::vector<std::string>& files) {
  std::string list;
  for (const std::string& file : files) {
    const absl::StatusOr<std::string> digest = schema::Sha256HexOfFile(file);
    if (!digest.ok()) return digest.status();
    absl::StrAppend(&list, *digest, "  ", file, "\n");
  }
  return list;
}

}  // namespace forensics::pods
