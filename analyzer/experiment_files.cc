#include "analyzer/experiment_files.h"

#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "schema/file_identity.h"
#include "schema/run_directory.h"

namespace forensics::analyzer {
namespace {

namespace fs = std::filesystem;

// What the directory lacks is named alone, or with its path.
void AddFilesIn(const fs::path& directory, bool with_path, ExperimentFiles& found) {
  std::vector<std::string> known = {schema::kReferenceBaselineFile};
  known.insert(known.end(), schema::ExperimentFiles().begin(), schema::ExperimentFiles().end());
  std::set<std::string> others;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (absl::EndsWith(name, "_experiment.json")) others.insert(name);
  }
  for (const std::string& name : known) {
    others.erase(name);
    if (fs::exists(directory / name, error)) {
      found.files.push_back((directory / name).string());
    } else {
      found.lacking.push_back(with_path ? (directory / name).string() : name);
    }
  }
  for (const std::string& name : others) found.files.push_back((directory / name).string());
}

// Counted twice, a file's variants would be tests of their own in Holm's correction.
void KeepEachOnce(ExperimentFiles& found) {
  std::map<std::string, std::string> kept;  // by identity
  std::vector<std::string> files;
  for (const std::string& file : found.files) {
    const auto [first, is_new] = kept.emplace(schema::FileIdentity(file), file);
    if (is_new) {
      files.push_back(file);
    } else {
      found.notes.push_back(
          absl::StrCat(file, ": the same file as ", first->second, ", taken once"));
    }
  }
  found.files = std::move(files);
}

}  // namespace

ExperimentFiles FindExperimentFiles(const std::vector<std::string>& inputs) {
  ExperimentFiles found;
  for (const std::string& input : inputs) {
    std::error_code error;
    if (fs::is_directory(input, error)) {
      AddFilesIn(input, inputs.size() > 1, found);
    } else if (fs::exists(input, error)) {
      found.files.push_back(input);
    } else {
      found.missing.push_back(absl::StrCat(input, ": no such file or directory"));
    }
  }
  KeepEachOnce(found);
  return found;
}

}  // namespace forensics::analyzer
