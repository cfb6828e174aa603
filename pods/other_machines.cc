#include "pods/other_machines.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "schema/run_directory.h"

namespace forensics::pods {
namespace {

bool HasRuns(const std::string& results) {
  const auto found = schema::FindRuns(results);
  return found.ok() && !found->runs.empty();
}

}  // namespace

std::vector<std::string> OthersWithRuns(const Plan& plan) {
  std::vector<std::string> others;
  for (const std::string& results : plan.others().results()) {
    if (HasRuns(results)) others.push_back(results);
  }
  return others;
}

std::string WaitingText(const Plan& plan) {
  std::vector<std::string> awaited;
  for (const std::string& results : plan.others().results()) {
    if (!HasRuns(results)) awaited.push_back(results);
  }
  if (awaited.empty()) return "";
  return absl::StrCat("waiting for finished runs in ", absl::StrJoin(awaited, ", "));
}

}  // namespace forensics::pods
