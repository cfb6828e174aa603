#include "schema/file_identity.h"

#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "schema/command_line.h"

namespace forensics::schema {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // as many as Linux follows
constexpr char kOwnDescriptors[] = "/proc/self/fd";

bool IsReplaced(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode);
}

// The N where `path` leads to a descriptor of this process, else kNone.
constexpr int kNone = -1;
int DescriptorAt(const std::string& path) {
  const absl::StatusOr<std::string> target = FollowLinks(path);
  return target.ok() ? OwnDescriptor(*target) : kNone;
}

// What a path was given for.
struct Use {
  std::string name;
  int descriptor;  // of this process that is written to
};

}  // namespace

absl::StatusOr<std::string> FollowLinks(std::string path) {
  const std::string asked = path;
  for (int i = 0; i < kMostLinks; ++i) {
    std::error_code error;
    if (OwnDescriptor(path) >= 0) return path;
    const fs::path target = fs::read_symlink(path, error);
    if (error) return path;  // no link
    path = (fs::path(path).parent_path() / target).string();
  }
  return absl::InvalidArgumentError(absl::StrCat(asked, ": too many symbolic links"));
}

int OwnDescriptor(const std::string& path) {
  const fs::path split(path);
  std::error_code error;
  int descriptor = -1;
  if (!absl::SimpleAtoi(split.filename().string(), &descriptor)) return -1;
  return fs::equivalent(split.parent_path(), kOwnDescriptors, error) ? descriptor : -1;
}

std::string FileIdentity(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) == 0) return absl::StrCat(status.st_dev, ":", status.st_ino);
  const absl::StatusOr<std::string> target = FollowLinks(path);
  std::error_code error;
  const fs::path canonical =
      fs::weakly_canonical(fs::absolute(target.ok() ? *target : path), error);
  return error ? path : canonical.string();
}

absl::Status CheckOutputsAreDistinct(const std::vector<OutputFile>& outputs,
                                     const std::vector<std::string>& inputs) {
  std::map<std::string, Use> uses;  // by the file's identity
  for (const std::string& input : inputs) {
    uses.emplace(FileIdentity(input), Use{absl::StrCat("the input ", input), kNone});
  }
  for (const OutputFile& output : outputs) {
    if (output.path.empty() || !IsReplaced(output.path)) continue;
    const int descriptor = DescriptorAt(output.path);
    const auto [use, is_new] =
        uses.emplace(FileIdentity(output.path), Use{output.name, descriptor});
    const auto& [other, other_descriptor] = use->second;
    if (is_new || (descriptor != kNone && descriptor == other_descriptor)) continue;
    return UsageError(absl::StrCat(output.name, ": ", output.path, " is the same file as ", other));
  }
  return absl::OkStatus();
}

}  // namespace forensics::schema
