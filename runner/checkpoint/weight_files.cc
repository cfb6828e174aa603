#include "runner/checkpoint/weight_files.h"

#include <sys/stat.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runner/checkpoint/json_object.h"

namespace forensics::runner {
namespace {

constexpr char kSingleFile[] = "model.safetensors";
constexpr char kIndexFile[] = "model.safetensors.index.json";

using WeightMap = std::map<std::string, std::string, std::less<>>;  // tensor name: file name

// A dangling link exists: opening it gives the better error.
bool Exists(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0;
}

absl::StatusOr<WeightMap> ReadIndex(const std::string& path) {
  auto file = MappedFile::Open(path);
  if (!file.ok()) return file.status();
  auto json = ParseJsonObject((*file)->bytes(), path);
  if (!json.ok()) return json.status();
  const auto member = json->FindMember("weight_map");
  if (member == json->MemberEnd() || !member->value.IsObject()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected an object weight_map"));
  }
  absl::Status unique = CheckUniqueNames(member->value, absl::StrCat(path, ": weight_map"));
  if (!unique.ok()) return unique;
  WeightMap map;
  for (const auto& entry : member->value.GetObject()) {
    const absl::string_view shard = entry.value.IsString() ? JsonString(entry.value) : "";
    // A name with a slash would lead out of the checkpoint's directory.
    if (shard.empty() || shard == "." || shard == ".." ||
        shard.find_first_of(absl::string_view("/\0", 2)) != absl::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": tensor ", JsonString(entry.name),
                                                     ": expected the name of a file, found ",
                                                     JsonExcerpt(entry.value)));
    }
    map.emplace(JsonString(entry.name), shard);
  }
  return map;
}

absl::Status CheckIndex(const WeightMap& map, const std::map<std::string, SafetensorsFile>& files,
                        const std::string& index) {
  for (const auto& [name, shard] : map) {
    if (files.at(shard).tensors().count(name) == 0) {
      return absl::InvalidArgumentError(absl::StrCat(index, ": tensor ", name, ": expected in ",
                                                     shard, ", which does not hold it"));
    }
  }
  for (const auto& [shard, file] : files) {
    for (const auto& [name, tensor] : file.tensors()) {
      const auto listed = map.find(name);
      if (listed == map.end() || listed->second != shard) {
        return absl::InvalidArgumentError(
            absl::StrCat(file.path(), ": tensor ", name, ": the index lists it ",
                         listed == map.end() ? "nowhere" : absl::StrCat("in ", listed->second)));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

WeightFiles::WeightFiles(std::map<std::string, SafetensorsFile> files) : files_(std::move(files)) {
  for (const auto& [file_name, file] : files_) {
    for (const auto& [name, tensor] : file.tensors()) locations_[name] = {&file, &tensor};
  }
}

absl::StatusOr<WeightFiles> WeightFiles::Open(const std::string& directory) {
  std::map<std::string, SafetensorsFile> files;
  const auto open = [&](const std::string& name) {
    if (files.count(name) != 0) return absl::OkStatus();
    auto file = SafetensorsFile::Open(absl::StrCat(directory, "/", name));
    if (!file.ok()) return file.status();
    files.emplace(name, *std::move(file));
    return absl::OkStatus();
  };
  const std::string index = absl::StrCat(directory, "/", kIndexFile);
  if (Exists(absl::StrCat(directory, "/", kSingleFile))) {
    if (absl::Status status = open(kSingleFile); !status.ok()) return status;
  } else if (Exists(index)) {
    auto map = ReadIndex(index);
    if (!map.ok()) return map.status();
    for (const auto& [name, shard] : *map) {
      if (absl::Status status = open(shard); !status.ok()) return status;
    }
    if (absl::Status status = CheckIndex(*map, files, index); !status.ok()) return status;
  } else {
    return absl::NotFoundError(
        absl::StrCat(directory, ": expected ", kSingleFile, " or ", kIndexFile, ", found neither"));
  }
  return WeightFiles(std::move(files));
}

absl::StatusOr<at::Tensor> WeightFiles::Read(absl::string_view name) const {
  const auto found = locations_.find(name);
  if (found == locations_.end()) return absl::NotFoundError(absl::StrCat("no tensor ", name));
  return found->second.file->Read(name);
}

}  // namespace forensics::runner
