#include "pods/run_reader.h"

#include "absl/strings/str_cat.h"
#include "pods/file_version.h"
#include "schema/list_directory.h"
#include "schema/stored_repetition.h"

namespace forensics::pods {
namespace {

using schema::RunDirectory;
using schema::RunManifest;

// Of all that lies in the run's folder.
absl::StatusOr<std::string> FilesAndVersions(const RunDirectory& run) {
  const auto entries = schema::ListDirectory(run.path());
  if (!entries.ok()) return entries.status();
  std::string files;
  for (const auto& entry : *entries) {
    const absl::StatusOr<std::string> version = FileVersion(entry.path().string());
    if (!version.ok()) return version;
    absl::StrAppend(&files, *version, " ", entry.path().string(), "\n");
  }
  return files;
}

absl::Status CheckShards(const RunDirectory& run, const RunManifest& manifest) {
  for (const schema::RepetitionSummary& repetition : manifest.repetitions()) {
    if (!repetition.stored()) continue;
    const auto read = schema::ReadStoredRepetition(run, manifest, repetition.repetition());
    // A shard whose first bytes were overwritten is not taken for one.
    if (absl::IsInvalidArgument(read.status())) {
      return absl::DataLossError(read.status().message());
    }
    if (!read.ok()) return read.status();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RunManifest> RunReader::Manifest(const RunDirectory& run) {
  const absl::StatusOr<std::string> version = FileVersion(run.ManifestPath());
  if (!version.ok()) return version.status();
  const std::string key = absl::StrCat(*version, " ", run.ManifestPath());
  const auto known = manifests_.find(key);
  if (known != manifests_.end()) return known->second;
  absl::StatusOr<RunManifest> manifest = run.ReadManifest();
  if (manifest.ok()) manifests_[key] = *manifest;
  return manifest;
}

absl::Status RunReader::Check(const RunDirectory& run) {
  const absl::StatusOr<std::string> files = FilesAndVersions(run);
  if (files.ok() && whole_.count(*files) > 0) return absl::OkStatus();
  const absl::StatusOr<RunManifest> manifest = Manifest(run);
  if (!manifest.ok()) return manifest.status();
  absl::Status status = CheckShards(run, *manifest);
  if (status.ok() && files.ok()) whole_.insert(*files);
  return status;
}

}  // namespace forensics::pods
