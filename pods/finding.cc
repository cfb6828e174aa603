#include "pods/finding.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace forensics::pods {

std::string FindingText(const Finding& finding) {
  constexpr const char* kVerdicts[] = {"ok", "note", "wrong"};
  std::string text =
      absl::StrFormat("%-6s %-10s %s", kVerdicts[finding.verdict], finding.subject, finding.text);
  if (!finding.advice.empty()) {
    absl::StrAppend(&text, "\n", std::string(18, ' '), "what to do: ", finding.advice);
  }
  return text;
}

bool AnyWrong(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.verdict == Finding::kWrong; });
}

}  // namespace forensics::pods
