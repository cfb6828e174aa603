#include "schema/run_directory.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"
#include "schema/list_directory.h"

namespace forensics::schema {
namespace {

namespace fs = std::filesystem;

constexpr char kManifestName[] = "manifest.textproto";
constexpr char kShardSuffix[] = ".shard";
// The prompt's text and token ids are the most of it: 20 bytes a token.
constexpr size_t kMostManifestBytes = size_t{16} << 20;
constexpr char kDigestComment[] = "# sha256 of the lines above: ";

std::string RepetitionPrefix(int repetition) { return absl::StrCat("rep_", repetition, "."); }

using Entries = std::vector<fs::directory_entry>;

// Removes the files of `folder` whose name `chosen` accepts.
template <typename Predicate>
absl::Status RemoveFiles(const std::string& folder, const Predicate& chosen) {
  std::error_code error;
  if (!fs::exists(folder, error) && !error) return absl::OkStatus();
  const auto entries = ListDirectory(folder);
  if (!entries.ok()) return entries.status();
  for (const fs::directory_entry& entry : *entries) {
    if (!chosen(entry.path().filename().string())) continue;
    if (!fs::remove(entry.path(), error) || error) {
      return absl::InternalError(absl::StrCat(entry.path().string(), ": ", error.message()));
    }
  }
  return absl::OkStatus();
}

// Keeps the first error of a text; without one the parser would print to stderr by itself.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (text_.empty()) text_ = absl::StrCat("line ", line + 1, ":", column + 1, ": ", message);
  }
  void AddWarning(int, int, const std::string&) override {}
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

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
    : path_((fs::path(std::string(results)) / FolderName(hardware) / FolderName(config_id))
                .string()) {}

std::string RunDirectory::ManifestPath() const { return absl::StrCat(path_, "/", kManifestName); }

std::string RunDirectory::ShardPath(int repetition, int rank, int world_size) const {
  return absl::StrCat(path_, "/", RepetitionPrefix(repetition), "rank_", rank, "_of_", world_size,
                      kShardSuffix);
}

std::string RunDirectory::AllRanksPath(int repetition, int world_size) const {
  return absl::StrCat(path_, "/", RepetitionPrefix(repetition), "rank_*_of_", world_size,
                      kShardSuffix);
}

absl::StatusOr<std::vector<std::string>> RunDirectory::FindShards(int repetition,
                                                                  int world_size) const {
  std::vector<std::string> shards;
  for (int rank = 0; rank < world_size; ++rank) {
    shards.push_back(ShardPath(repetition, rank, world_size));
    std::error_code error;
    if (fs::exists(shards.back(), error)) continue;
    if (error) return absl::UnavailableError(absl::StrCat(shards.back(), ": ", error.message()));
    return absl::NotFoundError(absl::StrCat(shards.back(), ": no such file"));
  }
  const auto entries = ListDirectory(path_);
  if (!entries.ok()) return entries.status();
  for (const fs::directory_entry& entry : *entries) {
    const std::string name = entry.path().filename().string();
    if (!absl::StartsWith(name, RepetitionPrefix(repetition)) || !IsShardName(name)) continue;
    const std::string path = absl::StrCat(path_, "/", name);
    if (std::find(shards.begin(), shards.end(), path) == shards.end()) {
      return absl::FailedPreconditionError(absl::StrCat(
          path, ": surplus: this run has ", world_size, world_size == 1 ? " rank" : " ranks"));
    }
  }
  return shards;
}

bool RunDirectory::IsFinished() const {
  std::error_code error;
  return fs::is_regular_file(ManifestPath(), error);
}

bool RunDirectory::HasShards() const {
  const auto entries = ListDirectory(path_);
  return entries.ok() && std::any_of(entries->begin(), entries->end(), [](const auto& entry) {
           return IsShardName(entry.path().filename().string());
         });
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
  absl::StatusOr<std::string> text = ReadFile(ManifestPath(), kMostManifestBytes);
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
  FirstError error;
  parser.RecordErrorsTo(&error);
  parser.AllowUnknownField(true);  // of a later version, which is refused by its number below
  if (!parser.ParseFromString(body, &manifest)) {
    return absl::DataLossError(
        absl::StrCat(ManifestPath(), ": not a run manifest: ", error.text()));
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

bool IsShardName(absl::string_view name) { return absl::EndsWith(name, kShardSuffix); }

std::optional<AllRanksName> ParseAllRanksName(absl::string_view name) {
  const std::string text(name);
  AllRanksName parsed;
  const char* format = "rep_%d.rank_*_of_%d.shard";
  if (std::sscanf(text.c_str(), format, &parsed.repetition, &parsed.world_size) != 2) {
    return std::nullopt;
  }
  const RunDirectory here(".");
  if (here.AllRanksPath(parsed.repetition, parsed.world_size) != "./" + text) return std::nullopt;
  return parsed;
}

absl::StatusOr<FoundRuns> FindRuns(const std::string& results, WhichRuns which) {
  std::error_code error;
  if (!fs::is_directory(results, error)) {
    if (error && error != std::errc::no_such_file_or_directory &&
        error != std::errc::not_a_directory) {
      return absl::UnavailableError(absl::StrCat(results, ": ", error.message()));
    }
    return absl::NotFoundError(absl::StrCat(results, ": no such directory of results"));
  }
  FolderTree tree = ListFolders(results);
  std::sort(tree.folders.begin(), tree.folders.end());
  FoundRuns found;
  found.problems = std::move(tree.problems);
  for (const std::string& folder : tree.folders) {
    const RunDirectory run(folder);
    if (run.IsFinished() || (which == WhichRuns::kAll && run.HasShards()))
      found.runs.push_back(run);
  }
  return found;
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

std::string LabelDigest(absl::string_view label) { return Sha256Hex(label).substr(0, 8); }

std::string FolderName(absl::string_view label) {
  std::string name = PathPart(label);
  const bool is_plain = std::equal(label.begin(), label.end(), name.begin(), name.end(),
                                   [](char a, char b) { return a == b || a == ' '; });
  return is_plain ? name : absl::StrCat(name, "-", LabelDigest(label));
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
