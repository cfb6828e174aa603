#include "schema/list_directory.h"

#include <algorithm>
#include <set>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace forensics::schema {
namespace {

namespace fs = std::filesystem;

std::string Problem(const std::string& path, const std::error_code& error) {
  return absl::StrCat(path, ": ", error.message());
}

// Whether `inner` is `outer` or below it; both are canonical.
bool IsWithin(const fs::path& inner, const fs::path& outer) {
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

class Walk {
 public:
  void Visit(const std::string& folder) {
    std::error_code error;
    const fs::path canonical = fs::canonical(folder, error);
    if (error) tree_.problems.push_back(Problem(folder, error));
    if (error || !seen_.insert(canonical).second) return;
    const auto entries = ListDirectory(folder);
    if (!entries.ok()) {
      tree_.problems.emplace_back(entries.status().message());
      return;
    }
    tree_.folders.push_back(folder);
    // Links last: what is there twice goes by its own name.
    std::vector<std::string> links;
    for (const fs::directory_entry& entry : *entries) {
      const bool is_folder = entry.is_directory(error);
      if (error) tree_.problems.push_back(Problem(entry.path().string(), error));
      if (!is_folder || error) continue;
      if (!entry.is_symlink(error)) {
        Visit(entry.path().string());
      } else if (!IsWithin(canonical, fs::canonical(entry.path(), error))) {
        links.push_back(entry.path().string());
      }
    }
    for (const std::string& link : links) Visit(link);
  }

  FolderTree Take() { return std::move(tree_); }

 private:
  std::set<fs::path> seen_;
  FolderTree tree_;
};

}  // namespace

absl::StatusOr<std::vector<fs::directory_entry>> ListDirectory(const std::string& folder) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    entries.push_back(*entry);
  }
  if (error) return absl::UnavailableError(Problem(folder, error));
  std::sort(entries.begin(), entries.end());
  return entries;
}

FolderTree ListFolders(const std::string& folder) {
  Walk walk;
  walk.Visit(folder);
  return walk.Take();
}

}  // namespace forensics::schema
