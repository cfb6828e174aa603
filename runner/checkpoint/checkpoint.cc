#include "runner/checkpoint/checkpoint.h"

#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runner/checkpoint/awq.h"
#include "runner/checkpoint/tensor_registry.h"
#include "runner/checkpoint/weight_files.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

constexpr size_t kProblemsShown = 5;
constexpr char kConfigFile[] = "config.json";
constexpr char kEmbedding[] = "model.embed_tokens.weight";
constexpr char kLmHead[] = "lm_head";

bool IsFloating(at::ScalarType dtype) {
  return dtype == at::kFloat || dtype == at::kHalf || dtype == at::kBFloat16 ||
         dtype == at::kDouble;
}

std::string Describe(const StoredTensor& tensor) {
  return absl::StrCat(tensor.dtype->name, " [", absl::StrJoin(tensor.shape, ", "), "]");
}

// Empty where `stored` is what `expected` says, else the contradiction.
std::string Mismatch(const ExpectedTensor& expected, const StoredTensor& stored) {
  bool dtype_fits = false;
  for (absl::string_view name : AllowedDtypes(expected.storage)) {
    dtype_fits = dtype_fits || name == stored.dtype->name;
  }
  if (dtype_fits && expected.shape == stored.shape) return "";
  return absl::StrCat("expected ", absl::StrJoin(AllowedDtypes(expected.storage), "/"), " [",
                      absl::StrJoin(expected.shape, ", "), "], found ", Describe(stored));
}

// Some tied checkpoints store lm_head all the same. Then it must be the embedding, byte for byte.
std::string TiedHeadMismatch(const WeightFiles::Locations& stored,
                             const WeightFiles::Location& head) {
  const auto embedding = stored.find(kEmbedding);
  if (embedding == stored.end()) return "";  // reported as missing
  const auto bytes = [](const WeightFiles::Location& location) {
    return location.file->bytes().substr(
        static_cast<size_t>(location.tensor->begin),
        static_cast<size_t>(location.tensor->end - location.tensor->begin));
  };
  const StoredTensor& tied = *embedding->second.tensor;
  if (head.tensor->dtype == tied.dtype && head.tensor->shape == tied.shape &&
      bytes(head) == bytes(embedding->second)) {
    return "";
  }
  return absl::StrCat("tie_word_embeddings is true, but it is not equal to ", kEmbedding, " (",
                      Describe(*head.tensor), ", ", Describe(tied), ")");
}

// All that is wrong with the stored tensors, each with file and name.
std::vector<std::string> FindProblems(const TensorRegistry& registry, const ModelConfig& config,
                                      const WeightFiles::Locations& stored) {
  std::vector<std::string> problems;
  for (const auto& [name, expected] : registry.tensors) {
    if (stored.count(name) == 0) {
      problems.push_back(absl::StrCat("missing tensor ", name, ": expected ",
                                      absl::StrJoin(AllowedDtypes(expected.storage), "/"), " [",
                                      absl::StrJoin(expected.shape, ", "), "]"));
    }
  }
  for (const auto& [name, location] : stored) {
    const auto expected = registry.tensors.find(name);
    std::string problem;
    if (expected != registry.tensors.end()) {
      problem = Mismatch(expected->second, *location.tensor);
    } else if (config.tie_word_embeddings && name == "lm_head.weight") {
      problem = TiedHeadMismatch(stored, location);
    } else if (!IsComputedBuffer(name)) {
      problem = absl::StrCat("surplus, the config has no such tensor; found ",
                             Describe(*location.tensor));
    }
    if (!problem.empty()) {
      problems.push_back(absl::StrCat(location.file->path(), ": tensor ", name, ": ", problem));
    }
  }
  return problems;
}

absl::Status Report(const std::string& directory, std::vector<std::string> problems) {
  if (problems.empty()) return absl::OkStatus();
  const size_t count = problems.size();
  if (count > kProblemsShown) {
    problems.resize(kProblemsShown);
    problems.push_back(absl::StrCat("and ", count - kProblemsShown, " more"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(directory, ": ", count, count == 1 ? " tensor does" : " tensors do",
                   " not match ", kConfigFile, ": ", absl::StrJoin(problems, "; ")));
}

// The dtype that Hugging Face takes where the config names none: that of the stored weights.
std::string StoredDtype(const WeightFiles::Locations& stored) {
  const absl::string_view name = stored.at(kEmbedding).tensor->dtype->name;
  return name == "F16" ? "float16" : name == "BF16" ? "bfloat16" : "float32";
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

  absl::StatusOr<std::string> Digest() const override {
    std::lock_guard<std::mutex> lock(mutex_);
    if (digest_) return *digest_;
    std::map<std::string, std::string> digests = {{kConfigFile, config_sha256_}};
    for (const auto& [name, file] : files_.files()) {
      digests[name] = schema::Sha256Hex(file.bytes());
    }
    // The output of sha256sum, so that anyone can recompute it.
    std::string lines;
    for (const auto& [name, sha256] : digests) absl::StrAppend(&lines, sha256, "  ", name, "\n");
    digest_ = schema::Sha256Hex(lines);
    return *digest_;
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
    auto qweight = files_.Read(absl::StrCat(module, ".qweight"));
    if (!qweight.ok()) return qweight.status();
    auto qzeros = files_.Read(absl::StrCat(module, ".qzeros"));
    if (!qzeros.ok()) return qzeros.status();
    auto scales = files_.Read(absl::StrCat(module, ".scales"));
    if (!scales.ok()) return scales.status();
    return DecodeAwq(*qweight, *qzeros, *scales, dtype);
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
  const std::string config_path = absl::StrCat(directory, "/", kConfigFile);
  auto config_file = MappedFile::Open(config_path);
  if (!config_file.ok()) return config_file.status();
  const std::string config_text((*config_file)->bytes());
  auto config = ParseModelConfig(config_text, config_path);
  if (!config.ok()) return config.status();
  auto files = WeightFiles::Open(directory);
  if (!files.ok()) return files.status();
  const WeightFiles::Locations& stored = files->tensors();
  auto registry = BuildTensorRegistry(
      *config, [&stored](absl::string_view name) { return stored.count(name) != 0; });
  if (!registry.ok()) {
    return absl::Status(registry.status().code(),
                        absl::StrCat(config_path, ": ", registry.status().message()));
  }
  absl::Status status = Report(directory, FindProblems(*registry, *config, stored));
  if (!status.ok()) return status;
  if (config->torch_dtype.empty()) config->torch_dtype = StoredDtype(stored);
  std::string config_sha256 = schema::Sha256Hex(config_text);
  return std::make_unique<PublishedCheckpoint>(directory, *std::move(config),
                                               std::move(config_sha256), *std::move(files),
                                               *std::move(registry));
}

}  // namespace forensics::runner
