#include "pods/bundle_manifest.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "schema/atomic_file.h"

namespace forensics::pods {

std::map<std::string, std::string> BundleFields(const std::string& program) {
  namespace fs = std::filesystem;
  const std::string path = (fs::path(program).parent_path().parent_path() / "MANIFEST").string();
  std::map<std::string, std::string> fields;
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return fields;
  const absl::StatusOr<std::string> text = schema::ReadFile(path);
  if (!text.ok() || !absl::StartsWith(*text, "bundle ")) return fields;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    const std::pair<std::string, std::string> field = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    for (const char* name : {"bundle", "content", "torch", "cuda"}) {
      if (field.first == name) fields.insert(field);
    }
  }
  return fields;
}

}  // namespace forensics::pods
