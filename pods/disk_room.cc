#include "pods/disk_room.h"

#include <cstdint>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_format.h"
#include "pods/workspace.h"

namespace forensics::pods {

namespace fs = std::filesystem;

double GigabytesIn(const std::string& folder) {
  double bytes = 0;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error), end;
  for (; !error && entry != end; entry.increment(error)) {
    std::error_code is_gone;
    const bool is_file = entry->is_regular_file(is_gone) && !entry->is_symlink(is_gone);
    const auto size = is_file ? entry->file_size(is_gone) : 0;
    if (!is_gone) bytes += static_cast<double>(size);
  }
  return bytes / kBytesPerGigabyte;
}

bool IsDiskFull(const std::string& folder) {
  constexpr std::uintmax_t kLeastBytes = 1 << 20;
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  return !error && space.available < kLeastBytes;
}

absl::Status CheckRoom(const Plan& plan, double gigabytes) {
  const double budget = plan.disk().budget_gigabytes();
  const double here = GigabytesIn(Workspace(plan.folder()).Models());
  if (budget > 0 && here + gigabytes > budget) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "models of %.1f GB would lie together, the budget is %.1f GB", here + gigabytes, budget));
  }
  std::error_code error;
  const fs::space_info space = fs::space(plan.folder(), error);
  if (error) {
    return absl::InternalError(absl::StrFormat("%s: %s", plan.folder(), error.message()));
  }
  const double free = static_cast<double>(space.available) / kBytesPerGigabyte;
  if (free >= gigabytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrFormat(
      "%s: %.1f GB free, a model of %.1f is to be fetched", plan.folder(), free, gigabytes));
}

}  // namespace forensics::pods
