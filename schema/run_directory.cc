#include "schema/run_directory.h"

#include <google/protobuf/text_format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"

namespace forensics::schema {
namespace {

namespace fs = std::filesystem;

constexpr char kManifestName[] = "manifest.textproto";
constexpr char kShardSuffix[] = ".shard";
constexpr char kDigestComment[] = "# sha256 of the lines above: ";

std::string RepetitionPrefix(int repetition) { return absl::StrCat("rep_", repetition, "."); }

// Removes the files of `folder` whose name `chosen` accepts.
template <typename Predicate>
absl::Status RemoveFiles(const std::string& folder, const Predicate& chosen) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (!chosen(entry.path().filename().string())) continue;
    if (!fs::remove(entry.path(), error) || error) {
      return absl::InternalError(absl::StrCat(entry.path().string(), ": ", error.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

const std::vector<std::string>& ExperimentFiles() {
  static const auto* files = new std::vector<std::string>{
      "batch_size_experiment.json",         "compile_experiment.json",
      "quantization_experiment.json",       "attention_experiment.json",
      "concurrent_streams_experiment.json", "cuda_version_experiment.json",
      "tensor_parallel_experiment.json",    "expert_parallel_experiment.json"};
  return *files;
}

RunDirectory::RunDirectory(absl::string_view results, absl::string_view hardware,
                           absl::string_view config_id)
    : path_((fs::path(std::string(results)) / PathPart(hardware) / PathPart(config_id)).string()) {}

std::string RunDirectory::ManifestPath() const { return absl::StrCat(path_, "/", kManifestName); }

std::string RunDirectory::ShardPath(int repetition, int rank, int world_size) const {
  return absl::StrCat(path_, "/", RepetitionPrefix(repetition), "rank_", rank, "_of_", world_size,
                      kShardSuffix);
}

absl::StatusOr<std::string> RunDirectory::FindShard(int repetition, int rank) const {
  const std::string prefix = absl::StrCat(RepetitionPrefix(repetition), "rank_", rank, "_of_");
  std::error_code error;
  std::string found;
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    const std::string name = entry.path().filename().string();
    if (!absl::StartsWith(name, prefix) || !absl::EndsWith(name, kShardSuffix)) continue;
    if (!found.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(path_, ": repetition ", repetition, ", rank ", rank, " has more than one ",
                       "shard: ", fs::path(found).filename().string(), " and ", name));
    }
    found = entry.path().string();
  }
  if (!found.empty()) return found;
  return absl::NotFoundError(absl::StrCat(path_, "/", prefix, "*", kShardSuffix, ": no such file"));
}

bool RunDirectory::IsFinished() const {
  std::error_code error;
  return fs::is_regular_file(ManifestPath(), error);
}

absl::Status RunDirectory::WriteManifest(const RunManifest& manifest) const {
  std::string text;
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  if (!printer.PrintToString(manifest, &text)) {
    return absl::InternalError(absl::StrCat(ManifestPath(), ": cannot be printed"));
  }
  return WriteFileAtomically(ManifestPath(),
                             absl::StrCat(text, kDigestComment, Sha256Hex(text), "\n"));
}

absl::StatusOr<RunManifest> RunDirectory::ReadManifest() const {
  absl::StatusOr<std::string> text = ReadFile(ManifestPath());
  if (!text.ok()) return text.status();
  const size_t comment = text->rfind(kDigestComment);
  if (comment == std::string::npos) {
    return absl::DataLossError(
        absl::StrCat(ManifestPath(), ": cut off: no digest at the end of the file"));
  }
  const std::string body = text->substr(0, comment);
  const std::string expected(
      absl::StripAsciiWhitespace(text->substr(comment + sizeof kDigestComment - 1)));
  if (Sha256Hex(body) != expected) {
    return absl::DataLossError(absl::StrCat(ManifestPath(), ": damaged: SHA-256 ", Sha256Hex(body),
                                            ", expected ", expected));
  }
  RunManifest manifest;
  google::protobuf::TextFormat::Parser parser;
  parser.AllowUnknownField(true);  // of a later version, which is refused by its number below
  if (!parser.ParseFromString(body, &manifest)) {
    return absl::DataLossError(absl::StrCat(ManifestPath(), ": not a run manifest"));
  }
  if (manifest.schema_version() > kSchemaVersion) {
    return absl::UnimplementedError(
        absl::StrCat(ManifestPath(), ": written by a later version of this software: schema ",
                     manifest.schema_version(), ", this one reads up to ", kSchemaVersion));
  }
  return manifest;
}

absl::Status RunDirectory::Clear() const {
  // The manifest first: what is half removed is unfinished work.
  absl::Status status =
      RemoveFiles(path_, [](const std::string& name) { return name == kManifestName; });
  if (!status.ok()) return status;
  return RemoveFiles(path_, [](const std::string& name) {
    return absl::StartsWith(name, "rep_") || absl::StrContains(name, kManifestName);
  });
}

absl::Status RunDirectory::RemoveRepetition(int repetition) const {
  return RemoveFiles(path_, [&](const std::string& name) {
    return absl::StartsWith(name, RepetitionPrefix(repetition));
  });
}

absl::StatusOr<std::vector<RunDirectory>> FindRuns(const std::string& results) {
  std::error_code error;
  if (!fs::is_directory(results, error)) {
    return absl::NotFoundError(absl::StrCat(results, ": no such directory of results"));
  }
  std::vector<std::string> paths;
  if (RunDirectory(results).IsFinished()) paths.push_back(results);
  for (const auto& entry : fs::recursive_directory_iterator(results, error)) {
    const std::string path = entry.path().string();
    if (entry.is_directory() && RunDirectory(path).IsFinished()) paths.push_back(path);
  }
  if (error) return absl::InternalError(absl::StrCat(results, ": ", error.message()));
  std::sort(paths.begin(), paths.end());
  std::vector<RunDirectory> runs;
  for (const std::string& path : paths) runs.emplace_back(path);
  return runs;
}

std::string PathPart(absl::string_view label) {
  std::string part(label);
  for (char& c : part) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-' && c != '_') {
      c = '_';
    }
  }
  if (part.empty() || part == "." || part == "..") part.insert(0, "_");
  return part;
}

std::string ShortHardware(absl::string_view label) {
  static constexpr std::array<const char*, 11> kKnown = {
      "A100", "H100", "H200", "H800", "A800", "B200", "B100", "GH200", "L40S", "V100", "A30"};
  const std::string text(label);
  std::string found;
  for (const char* known : kKnown) {
    if (absl::StrContains(text, known) && absl::string_view(known).size() > found.size()) {
      found = known;
    }
  }
  // An emulation never passes for the real thing.
  if (found.empty() || absl::StartsWith(text, "emulated:")) return PathPart(label);
  return found;
}

}  // namespace forensics::schema
