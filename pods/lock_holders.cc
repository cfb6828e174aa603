#include "pods/lock_holders.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "schema/atomic_file.h"
#include "schema/list_directory.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestCommand = 160;

// Whether one of its open files is `folder`, with a lock: /proc/PID/fdinfo (proc(5)).
bool Holds(const std::string& process, const fs::path& folder) {
  const auto files = schema::ListDirectory(process + "/fd");
  if (!files.ok()) return false;
  return std::any_of(files->begin(), files->end(), [&](const fs::directory_entry& file) {
    std::error_code error;
    if (fs::read_symlink(file.path(), error) != folder) return false;
    const absl::StatusOr<std::string> info =
        schema::ReadFile(absl::StrCat(process, "/fdinfo/", file.path().filename().string()));
    return info.ok() && absl::StrContains(*info, "lock:");
  });
}

std::string CommandOf(const std::string& process) {
  // The arguments, each ended by a zero; of the program the name alone.
  std::string command = schema::ReadFile(process + "/cmdline").value_or("");
  const size_t slash = command.substr(0, command.find('\0')).rfind('/');
  if (slash != std::string::npos) command.erase(0, slash + 1);
  std::replace(command.begin(), command.end(), '\0', ' ');
  const std::string text(absl::StripSuffix(command, " "));
  return text.size() <= kLongestCommand ? text : text.substr(0, kLongestCommand) + "...";
}

}  // namespace

std::string LockHolders(const std::string& folder) {
  std::error_code error;
  const fs::path path = fs::canonical(folder, error);
  const auto processes = schema::ListDirectory("/proc");
  if (error || !processes.ok()) return "";
  std::vector<std::string> holders;
  for (const fs::directory_entry& process : *processes) {
    const std::string pid = process.path().filename().string();
    int number = 0;
    if (!absl::SimpleAtoi(pid, &number) || !Holds(process.path().string(), path)) continue;
    holders.push_back(absl::StrCat(pid, " (", CommandOf(process.path().string()), ")"));
  }
  return absl::StrJoin(holders, ", ");
}

}  // namespace forensics::pods
