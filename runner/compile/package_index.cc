#include "runner/compile/package_index.h"

#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runner/checkpoint/json_fields.h"
#include "runner/checkpoint/json_object.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

constexpr int64_t kFormatVersion = 1;
constexpr int64_t kMostBytes = int64_t{1} << 40;

std::string BuildCommand(const std::string& folder, const PackageKey& key) {
  return absl::StrCat("bazel run ", key.IsForCpu() ? "" : "--config=cuda ",
                      "//runner/compile:build_packages -- --model=DIR --dtype=", key.dtype,
                      key.IsForCpu() ? "" : " --device=cuda",
                      key.tp_size > 1 ? absl::StrCat(" --tp_size=", key.tp_size) : "",
                      " --output=", folder.empty() ? "DIR" : folder,
                      key.IsForCpu() ? "" : " on a machine with such a GPU");
}

absl::StatusOr<PackageEntry> ParseEntry(const rapidjson::Value& value, const std::string& origin) {
  if (!value.IsObject()) {
    return absl::InvalidArgumentError(absl::StrCat(origin, ": expected an object"));
  }
  JsonFields fields(value, origin);
  PackageEntry entry;
  entry.file = fields.String("file");
  entry.device = fields.String("device", "cpu");
  entry.dtype = fields.String("dtype");
  entry.dims = fields.String("dims");
  entry.torch = fields.String("torch");
  if (entry.device != "cpu") entry.triton = fields.String("triton");
  entry.bytes = fields.Int("bytes", 0, kMostBytes);
  entry.sha256 = fields.String("sha256");
  if (absl::StrContains(entry.file, '/')) {
    fields.Refuse("file", "a name in the index's own folder");
  }
  if (!fields.status().ok()) return fields.status();
  return entry;
}

absl::Status CheckFile(const std::string& path, const PackageEntry& entry) {
  std::error_code error;
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(path, error));
  if (error) return absl::NotFoundError(absl::StrCat(path, ": ", error.message()));
  if (bytes != entry.bytes) {
    return absl::DataLossError(
        absl::StrCat(path, ": expected ", entry.bytes, " bytes (index.json), found ", bytes));
  }
  const absl::StatusOr<std::string> digest = schema::Sha256HexOfFile(path);
  if (!digest.ok()) return digest.status();
  if (*digest != entry.sha256) {
    return absl::DataLossError(
        absl::StrCat(path, ": expected SHA-256 ", entry.sha256, " (index.json), found ", *digest));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<PackageEntry>> ReadPackageIndex(const std::string& folder) {
  const std::string path = folder + "/index.json";
  const absl::StatusOr<std::string> text = schema::ReadFile(path);
  if (!text.ok()) return text.status();
  const absl::StatusOr<rapidjson::Document> document = ParseJsonObject(*text, path);
  if (!document.ok()) return document.status();
  JsonFields fields(*document, path);
  const int64_t version = fields.Int("format_version", 0, 1 << 30);
  if (!fields.status().ok()) return fields.status();
  if (version != kFormatVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": format_version: expected ", kFormatVersion, ", found ", version));
  }
  const auto packages = document->FindMember("packages");
  if (packages == document->MemberEnd() || !packages->value.IsArray()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": packages: expected an array"));
  }
  std::vector<PackageEntry> entries;
  for (const rapidjson::Value& value : packages->value.GetArray()) {
    absl::StatusOr<PackageEntry> entry =
        ParseEntry(value, absl::StrCat(path, ": packages[", entries.size(), "]"));
    if (!entry.ok()) return entry.status();
    entries.push_back(*std::move(entry));
  }
  return entries;
}

absl::StatusOr<PackageEntry> FindPackage(const std::string& folder, const PackageKey& key,
                                         absl::string_view torch) {
  const std::string wanted =
      absl::StrCat("compiled package for ", key.device, ", ", key.dtype, ", ", key.Dims());
  const std::string command = BuildCommand(folder, key);
  if (folder.empty()) {
    return absl::UnavailableError(absl::StrCat("no folder with a ", wanted,
                                               ": name one with --compiled_packages=DIR; ", command,
                                               " writes it"));
  }
  absl::StatusOr<std::vector<PackageEntry>> entries = ReadPackageIndex(folder);
  if (!entries.ok()) {
    return absl::Status(entries.status().code(),
                        absl::StrCat(entries.status().message(), "; ", command, " writes it"));
  }
  std::string others;
  for (PackageEntry& entry : *entries) {
    if (entry.device != key.device || entry.dtype != key.dtype || entry.dims != key.Dims()) {
      absl::StrAppend(&others, "\n  ", entry.file, ": ", entry.device, ", ", entry.dtype, ", ",
                      entry.dims);
      continue;
    }
    const std::string path = absl::StrCat(folder, "/", entry.file);
    if (entry.torch != torch) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": exported by torch ", entry.torch, ", expected ", torch,
                       ", which this runner is built with; ", command, " replaces it"));
    }
    if (absl::Status status = CheckFile(path, entry); !status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat(status.message(), "; ", command, " replaces it"));
    }
    return std::move(entry);
  }
  return absl::UnavailableError(
      absl::StrCat(folder, ": no ", wanted, "; ", command,
                   " builds it. Found:", others.empty() ? " none" : others));
}

}  // namespace forensics::runner
