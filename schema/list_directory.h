// What a folder holds, without exceptions.
#ifndef SCHEMA_LIST_DIRECTORY_H_
#define SCHEMA_LIST_DIRECTORY_H_

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace forensics::schema {

// The entries of `folder`, sorted by name. An error names the folder and the system's reason.
absl::StatusOr<std::vector<std::filesystem::directory_entry>> ListDirectory(
    const std::string& folder);

struct FolderTree {
  std::vector<std::string> folders;   // in the order of the walk: a folder before those in it
  std::vector<std::string> problems;  // what could not be read, by name and reason
};

// `folder` and all folders below it, each once. Links to folders are followed, but for those that
// lead back to a folder around them.
FolderTree ListFolders(const std::string& folder);

}  // namespace forensics::schema

#endif  // SCHEMA_LIST_DIRECTORY_H_
