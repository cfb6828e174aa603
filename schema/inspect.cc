#include "schema/inspect.h"

#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "schema/bounded_stream.h"
#include "schema/inspect_experiment.h"
#include "schema/inspect_run.h"
#include "schema/inspect_shard.h"
#include "schema/list_directory.h"
#include "schema/run_directory.h"

namespace forensics::schema {
namespace {

namespace fs = std::filesystem;

constexpr char kWhatThereIs[] =
    "expected a shard, rep_<N>.rank_*_of_<W>.shard, a run directory or its manifest, a folder of "
    "results or of experiment "
    "files, or an experiment JSON";

absl::StatusOr<Inspection> WithoutProblems(absl::StatusOr<std::string> text) {
  if (!text.ok()) return text.status();
  return Inspection{*std::move(text), {}};
}

std::vector<std::string> JsonFiles(const std::string& directory) {
  std::vector<std::string> files;
  const auto entries = ListDirectory(directory);
  if (!entries.ok()) return files;
  for (const fs::directory_entry& entry : *entries) {
    const std::string name = entry.path().filename().string();
    if (absl::EndsWith(name, "_experiment.json") || name == kReferenceBaselineFile) {
      files.push_back(entry.path().string());
    }
  }
  return files;
}

Inspection InspectExperimentFiles(const std::vector<std::string>& files) {
  Inspection all;
  for (const std::string& file : files) {
    const absl::StatusOr<std::string> text = InspectExperiment(file);
    if (text.ok()) {
      absl::StrAppend(&all.text, *text, "\n");
    } else {
      all.problems.emplace_back(text.status().message());
    }
  }
  return all;
}

absl::StatusOr<Inspection> InspectDirectory(const std::string& path) {
  if (IsRunDirectory(path)) return InspectRun(path);
  if (const std::vector<std::string> files = JsonFiles(path); !files.empty()) {
    return InspectExperimentFiles(files);
  }
  absl::StatusOr<Inspection> results = InspectResults(path);
  if (results.ok()) return results;
  return absl::InvalidArgumentError(absl::StrCat(results.status().message(), "; ", kWhatThereIs));
}

}  // namespace

absl::StatusOr<Inspection> Inspect(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return InspectDirectory(path);
  const fs::path parent = fs::path(path).parent_path();
  const RunDirectory run(parent.empty() ? "." : parent.string());
  if (const auto name = ParseAllRanksName(fs::path(path).filename().string()); name.has_value()) {
    return WithoutProblems(InspectAllRanks(run, *name));
  }
  if (!fs::exists(path, error)) {
    return absl::NotFoundError(absl::StrCat(path, ": no such file or directory"));
  }
  if (fs::equivalent(run.ManifestPath(), path, error)) {
    return InspectRun(run.path());
  }
  char start[8] = {};
  std::ifstream(path, std::ios::binary).read(start, sizeof start);
  const absl::string_view text =
      absl::StripLeadingAsciiWhitespace(absl::string_view(start, sizeof start));
  // A byte order mark is passed over there, and what is compressed is said to be.
  for (const absl::string_view begin :
       {absl::string_view("{"), absl::string_view(kByteOrderMark), absl::string_view(kGzipMagic)}) {
    if (absl::StartsWith(text, begin)) return WithoutProblems(InspectExperiment(path));
  }
  if (absl::StartsWith(text, "FPFSHARD") || IsShardName(path)) {
    return WithoutProblems(InspectShard(path));
  }
  return absl::InvalidArgumentError(absl::StrCat(path, ": not known; ", kWhatThereIs));
}

}  // namespace forensics::schema
