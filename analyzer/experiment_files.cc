#include "analyzer/experiment_files.h"

#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "schema/run_directory.h"

namespace forensics::analyzer {
namespace {

namespace fs = std::filesystem;

void AddFilesIn(const fs::path& directory, ExperimentFiles& found) {
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
      found.lacking.push_back(name);
    }
  }
  for (const std::string& name : others) found.files.push_back((directory / name).string());
}

}  // namespace

ExperimentFiles FindExperimentFiles(const std::vector<std::string>& inputs) {
  ExperimentFiles found;
  for (const std::string& input : inputs) {
    std::error_code error;
    if (fs::is_directory(input, error)) {
      AddFilesIn(input, found);
    } else if (fs::exists(input, error)) {
      found.files.push_back(input);
    } else {
      found.missing.push_back(absl::StrCat(input, ": no such file or directory"));
    }
  }
  return found;
}

}  // namespace forensics::analyzer
