#include "pods/model_identity.h"

#include <filesystem>
#include <iterator>
#include <map>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "pods/model_digests.h"
#include "schema/atomic_file.h"
#include "schema/checkpoint_digest.h"
#include "schema/list_directory.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;

// Weights in one file go before those that the index lists, as for the runner.
constexpr char kSingleFile[] = "model.safetensors";
constexpr char kIndexFile[] = "model.safetensors.index.json";

struct Parts {
  absl::string_view commit;  // with its repository; empty: not known
  absl::string_view digest;  // the same
};

Parts PartsOf(absl::string_view identity) {
  const size_t space = identity.rfind(' ');
  const size_t last = space == absl::string_view::npos ? 0 : space + 1;
  if (identity.size() - last != kDigestDigits) return {identity, ""};
  return {absl::StripSuffix(identity.substr(0, last), " "), identity.substr(last)};
}

// Those of a checkpoint's files that the runner loads.
std::map<std::string, std::string> Loaded(const std::string& directory,
                                          std::map<std::string, std::string> files) {
  const bool is_single = files.count(kSingleFile) > 0;
  const auto index = schema::ReadFile(absl::StrCat(directory, "/", kIndexFile));
  for (auto file = files.begin(); file != files.end();) {
    const std::string& name = file->first;
    const bool is_loaded =
        name == schema::kCheckpointConfigFile ||
        (is_single ? name == kSingleFile
                   : !index.ok() || absl::StrContains(*index, absl::StrCat("\"", name, "\"")));
    file = is_loaded ? std::next(file) : files.erase(file);
  }
  return files;
}

// Of the files that fetch_model checked against the hub's digests; none of them is read.
std::string DigestOfFetched(const std::string& directory,
                            const std::map<std::string, std::string>& files) {
  std::map<std::string, std::string> checkpoint;
  for (const auto& [name, digest] : files) {
    if (schema::IsCheckpointFile(name)) checkpoint[name] = digest;
  }
  return schema::CheckpointDigest(Loaded(directory, std::move(checkpoint)));
}

absl::StatusOr<std::string> DigestOfFolder(const std::string& directory, FileDigests& digests) {
  std::error_code error;
  if (!fs::exists(directory, error)) {
    return absl::NotFoundError(absl::StrCat(directory, ": no such folder"));
  }
  const auto entries = schema::ListDirectory(directory);
  if (!entries.ok()) return entries.status();
  std::map<std::string, std::string> files;
  for (const fs::directory_entry& entry : *entries) {
    const std::string name = entry.path().filename().string();
    if (!schema::IsCheckpointFile(name)) continue;
    const absl::StatusOr<std::string> digest = digests.Of(entry.path().string());
    if (absl::IsNotFound(digest.status())) {
      return absl::FailedPreconditionError(digest.status().message());
    }
    if (!digest.ok()) return digest.status();
    files[name] = *digest;
  }
  return schema::CheckpointDigest(Loaded(directory, std::move(files)));
}

}  // namespace

absl::StatusOr<std::string> ModelIdentity(const Model& model, const std::string& directory,
                                          FileDigests& digests) {
  if (model.repository().empty()) return DigestOfFolder(directory, digests);
  const std::string commit = absl::StrCat(model.repository(), " ", model.revision());
  const auto fetched = ReadModelDigests(directory, model);
  return fetched.ok() ? absl::StrCat(commit, " ", DigestOfFetched(directory, *fetched)) : commit;
}

absl::string_view DigestOfIdentity(absl::string_view identity) { return PartsOf(identity).digest; }

bool IsSameModel(absl::string_view one, absl::string_view other) {
  const Parts a = PartsOf(one), b = PartsOf(other);
  if (!a.digest.empty() && !b.digest.empty()) return a.digest == b.digest;
  return a.commit == b.commit && !a.commit.empty();
}

std::string ModelDifference(absl::string_view found, absl::string_view expected) {
  const Parts is = PartsOf(found), should_be = PartsOf(expected);
  const bool commits_tell =
      !is.commit.empty() && !should_be.commit.empty() && is.commit != should_be.commit;
  return commits_tell ? absl::StrCat(is.commit, ", expected ", should_be.commit)
                      : absl::StrCat(found, ", expected ", expected);
}

}  // namespace forensics::pods
