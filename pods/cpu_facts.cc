#include "pods/cpu_facts.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "schema/digest.h"

namespace forensics::pods {
namespace {

constexpr size_t kShownDigits = 16;

}  // namespace

std::string CpuName(absl::string_view cpuinfo) {
  std::string name, flags;
  for (const absl::string_view line : absl::StrSplit(cpuinfo, '\n')) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    const absl::string_view key = absl::StripAsciiWhitespace(field.first);
    const std::string value(absl::StripAsciiWhitespace(field.second));
    if (key == "model name" && name.empty()) name = value;
    if (key == "flags" && flags.empty()) flags = value;
  }
  if (name.empty() && flags.empty()) return "";
  return absl::StrCat(name, " ", schema::Sha256Hex(flags).substr(0, kShownDigits));
}

}  // namespace forensics::pods
