#include "runner/checkpoint/checkpoint.h"

#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runner/checkpoint/packed_linear.h"
#include "runner/checkpoint/tensor_check.h"
#include "runner/checkpoint/tensor_registry.h"
#include "runner/checkpoint/weight_files.h"
#include "schema/checkpoint_digest.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

constexpr char kLmHead[] = "lm_head";

bool IsFloating(at::ScalarType dtype) {
  return dtype == at::kFloat || dtype == at::kHalf || dtype == at::kBFloat16 ||
         dtype == at::kDouble;
}

// The dtype that Hugging Face takes where the config names none: that of the stored weights.
std::string StoredDtype(const WeightFiles::Locations& stored) {
  const absl::string_view name = stored.at(kEmbedding).tensor->dtype->name;
  return name == "F16" ? "float16" : name == "BF16" ? "bfloat16" : "float32";
}

// SHA-256 (hex) by file name, a thread a file: one thread hashes 1.7 GB/s, and published shards
// have up to 5 GB.
std::map<std::string, std::string> FileDigests(const WeightFiles& weights) {
  std::map<std::string, std::future<std::string>> hashing;
  for (const auto& entry : weights.files()) {
    hashing[entry.first] = std::async(
        std::launch::async, [&file = entry.second] { return schema::Sha256Hex(file.bytes()); });
  }
  std::map<std::string, std::string> digests;
  for (auto& [name, digest] : hashing) digests[name] = digest.get();
  return digests;
}

class PublishedCheckpoint : public Checkpoint {
 public:
  PublishedCheckpoint(std::string directory, ModelConfig config, std::string config_sha256,
                      WeightFiles files, TensorRegistry registry)
      : directory_(std::move(directory)),
        config_(std::move(config)),
        config_sha256_(std::move(config_sha256)),
        files_(std::move(files)),
        registry_(std::move(registry)) {}

  const ModelConfig& config() const override { return config_; }
  const std::string& directory() const override { return directory_; }

  absl::StatusOr<at::Tensor> Tensor(std::string_view name, at::ScalarType dtype) const override {
    return FloatTensor(std::string(name), dtype);
  }

  absl::StatusOr<at::Tensor> LinearWeight(std::string_view module,
                                          at::ScalarType dtype) const override {
    return Weight(std::string(module), dtype);
  }

  absl::StatusOr<std::optional<PackedLinear>> PackedWeight(std::string_view module) const override {
    const std::string name(module);
    const auto layer = registry_.linear_layers.find(name);
    if (layer == registry_.linear_layers.end() || !layer->second.packed) return std::nullopt;
    absl::StatusOr<PackedLinear> linear =
        ReadPackedLinear(files_, name, layer->second, config_.quant);
    if (!linear.ok()) return linear.status();
    return std::optional<PackedLinear>(*std::move(linear));
  }

  absl::StatusOr<std::string> Digest() const override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (digest_) return *digest_;
    std::map<std::string, std::string> digests = FileDigests(files_);
    if (absl::Status status = CheckUnchanged(); !status.ok()) return status;
    digests[schema::kCheckpointConfigFile] = config_sha256_;
    digest_ = schema::CheckpointDigest(digests);
    return *digest_;
  }

  absl::Status CheckUnchanged() const override {
    for (const auto& [name, file] : files_.files()) {
      if (absl::Status status = file.CheckUnchanged(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<at::Tensor> FloatTensor(const std::string& name, at::ScalarType dtype) const {
    const auto expected = registry_.tensors.find(name);
    if (expected == registry_.tensors.end() || expected->second.storage != Storage::kFloat) {
      return absl::NotFoundError(
          absl::StrCat(directory_, ": no unquantised tensor ", name, " in this model"));
    }
    if (!IsFloating(dtype)) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": cannot convert to ", c10::toString(dtype)));
    }
    auto stored = files_.Read(name);
    if (!stored.ok()) return stored.status();
    // A copy even in the stored dtype: the mapped file is read-only, and may change on disk.
    return stored->to(dtype, /*non_blocking=*/false, /*copy=*/true);
  }

  absl::StatusOr<at::Tensor> Weight(const std::string& module, at::ScalarType dtype) const {
    if (module == kLmHead && config_.tie_word_embeddings) return FloatTensor(kEmbedding, dtype);
    const auto layer = registry_.linear_layers.find(module);
    if (layer == registry_.linear_layers.end()) {
      return absl::NotFoundError(
          absl::StrCat(directory_, ": no linear layer ", module, " in this model"));
    }
    if (!layer->second.packed) return FloatTensor(absl::StrCat(module, ".weight"), dtype);
    return DecodePackedLinear(files_, module, layer->second, config_.quant, dtype);
  }

  const std::string directory_;
  const ModelConfig config_;
  const std::string config_sha256_;
  const WeightFiles files_;
  const TensorRegistry registry_;
  mutable std::mutex mutex_;
  mutable std::optional<std::string> digest_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Checkpoint>> Checkpoint::Open(const std::string& directory) {
  const std::string config_path = absl::StrCat(directory, "/", schema::kCheckpointConfigFile);
  auto config_file = MappedFile::Open(config_path);
  if (!config_file.ok()) return config_file.status();
  const std::string config_text((*config_file)->bytes());
  auto config = ParseModelConfig(config_text, config_path);
  if (!config.ok()) return config.status();
  auto files = WeightFiles::Open(directory);
  if (!files.ok()) return files.status();
  const WeightFiles::Locations& stored = files->tensors();
  Nf4Layouts layouts;
  if (config->quant.method == QuantMethod::kBnbNf4) {
    auto read = ReadNf4Layouts(*files);
    if (!read.ok()) return read.status();
    layouts = *std::move(read);
  }
  auto registry = BuildTensorRegistry(
      *config, [&stored](absl::string_view name) { return stored.count(name) != 0; }, layouts);
  if (!registry.ok()) {
    return absl::Status(registry.status().code(),
                        absl::StrCat(config_path, ": ", registry.status().message()));
  }
  absl::Status status = CheckTensors(directory, *registry, *config, stored);
  if (!status.ok()) return status;
  if (config->torch_dtype.empty()) config->torch_dtype = StoredDtype(stored);
  std::string config_sha256 = schema::Sha256Hex(config_text);
  return std::make_unique<PublishedCheckpoint>(directory, *std::move(config),
                                               std::move(config_sha256), *std::move(files),
                                               *std::move(registry));
}

}  // namespace forensics::runner
