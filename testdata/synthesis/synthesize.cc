#include "testdata/synthesis/synthesize.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runner/checkpoint/model_config.h"
#include "schema/atomic_file.h"
#include "testdata/synthesis/shard_file.h"
#include "testdata/synthesis/shard_writer.h"
#include "testdata/synthesis/tensor_plan.h"

namespace forensics::synthesis {
namespace {

namespace fs = std::filesystem;

constexpr char kConfig[] = "config.json";
constexpr char kIndex[] = "model.safetensors.index.json";

std::string Path(const std::string& directory, absl::string_view name) {
  return absl::StrCat(directory, "/", name);
}

// Makes the directory if need be; it must be empty but for what killed processes left.
absl::Status PrepareDirectory(const std::string& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat(directory, ": cannot make the directory: ", error.message()));
  }
  if (absl::Status status = schema::RemoveStaleTemporaries(directory); !status.ok()) return status;
  const bool empty = fs::is_empty(directory, error);
  if (error) return absl::FailedPreconditionError(absl::StrCat(directory, ": ", error.message()));
  if (empty) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(directory, ": expected an empty or a new directory, found ",
                   fs::directory_iterator(directory)->path().filename().string(), " in it"));
}

absl::Status CheckRoom(const CheckpointPlan& plan, const std::string& directory) {
  std::error_code error;
  const fs::space_info space = fs::space(directory, error);
  if (error || space.available >= static_cast<uintmax_t>(plan.bytes())) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(directory, ": the checkpoint takes ",
                                                   plan.bytes(), " bytes, the disk has ",
                                                   space.available, " left"));
}

// All files, config.json last: without it the directory is no checkpoint.
absl::Status WriteFiles(const CheckpointPlan& plan, const std::string& directory, int threads,
                        const std::function<void(int64_t)>& progress) {
  std::vector<ShardFile> files;
  for (const Shard& shard : plan.shards) {
    auto file = ShardFile::Create(Path(directory, shard.file_name), shard.file_bytes);
    if (!file.ok()) return file.status();
    files.push_back(*std::move(file));
  }
  absl::Status status = WriteShards(plan.shards, files, threads, progress);
  if (!status.ok()) return status;
  for (ShardFile& file : files) {
    if (status = file.Commit(); !status.ok()) return status;
  }
  for (const auto& [name, text] : plan.text_files) {
    if (name == kConfig) continue;
    status = schema::WriteFileAtomically(Path(directory, name), text);
    if (!status.ok()) return status;
  }
  return schema::WriteFileAtomically(Path(directory, kConfig), plan.text_files.at(kConfig));
}

void RemoveFiles(const CheckpointPlan& plan, const std::string& directory) {
  std::error_code ignored;
  for (const auto& [name, text] : plan.text_files) fs::remove(Path(directory, name), ignored);
  for (const Shard& shard : plan.shards) fs::remove(Path(directory, shard.file_name), ignored);
}

}  // namespace

int64_t CheckpointPlan::tensors() const {
  int64_t count = 0;
  for (const Shard& shard : shards) count += static_cast<int64_t>(shard.tensors.size());
  return count;
}

int64_t CheckpointPlan::bytes() const {
  int64_t sum = 0;
  for (const Shard& shard : shards) sum += shard.file_bytes;
  return sum;
}

absl::StatusOr<CheckpointPlan> PlanCheckpoint(TextFiles text_files, uint64_t seed,
                                              int64_t max_shard_bytes) {
  const auto config = runner::ParseModelConfig(text_files.at(kConfig), kConfig);
  if (!config.ok()) return config.status();
  auto tensors = PlanTensors(*config, seed);
  if (!tensors.ok()) return tensors.status();
  CheckpointPlan plan;
  plan.text_files = std::move(text_files);
  plan.shards = PlanShards(*std::move(tensors), max_shard_bytes);
  if (plan.shards.size() > 1) plan.text_files[kIndex] = IndexJson(plan.shards);
  return plan;
}

absl::Status WriteCheckpoint(const CheckpointPlan& plan, const std::string& directory, int threads,
                             const std::function<void(int64_t bytes)>& progress) {
  const bool existed = fs::exists(directory);
  absl::Status status = PrepareDirectory(directory);
  if (!status.ok()) return status;
  status = CheckRoom(plan, directory);
  if (status.ok()) status = WriteFiles(plan, directory, threads, progress);
  if (status.ok()) return status;
  RemoveFiles(plan, directory);
  std::error_code ignored;
  if (!existed) fs::remove(directory, ignored);
  return status;
}

}  // namespace forensics::synthesis
