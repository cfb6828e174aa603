#include "runner/checkpoint/checkpoint.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "runner/checkpoint/packed_linear.h"
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

std::string Describe(const ExpectedTensor& tensor) {
  const std::string shape = absl::StrJoin(tensor.shape, ", ", [](std::string* out, int64_t size) {
    size == kAnySize ? absl::StrAppend(out, "any") : absl::StrAppend(out, size);
  });
  return absl::StrCat(absl::StrJoin(AllowedDtypes(tensor.storage), "/"), " [", shape, "]");
}

bool FitsShape(const std::vector<int64_t>& expected, const std::vector<int64_t>& stored) {
  return std::equal(expected.begin(), expected.end(), stored.begin(), stored.end(),
                    [](int64_t a, int64_t b) { return a == kAnySize || a == b; });
}

// Empty where `stored` is what `expected` says, else the contradiction.
std::string Mismatch(const ExpectedTensor& expected, const StoredTensor& stored) {
  const std::vector<absl::string_view>& dtypes = AllowedDtypes(expected.storage);
  const bool dtype_fits =
      std::find(dtypes.begin(), dtypes.end(), stored.dtype->name) != dtypes.end();
  if (dtype_fits && FitsShape(expected.shape, stored.shape)) return "";
  return absl::StrCat("expected ", Describe(expected), ", found ", Describe(stored));
}

// Some tied checkpoints store lm_head all the same. Then it must be the embedding, byte for byte.
std::string TiedHeadMismatch(const WeightFiles::Locations& stored,
                             const WeightFiles::Location& head) {
  const auto embedding = stored.find(kEmbedding);
  if (embedding == stored.end()) return "";  // reported as missing
  const StoredTensor& tied = *embedding->second.tensor;
  if (head.tensor->dtype == tied.dtype && head.tensor->shape == tied.shape &&
      head.bytes() == embedding->second.bytes()) {
    return "";
  }
  return absl::StrCat("tie_word_embeddings is true, but it is not equal to ", kEmbedding, " (",
                      Describe(*head.tensor), ", ", Describe(tied), ")");
}

// Old writers of GPTQ store a bias of every layer, which is zero where the model has none.
bool IsZeroBias(const TensorRegistry& registry, const ModelConfig& config, absl::string_view name,
                const WeightFiles::Location& location) {
  if (config.quant.method != QuantMethod::kGptq || !absl::ConsumeSuffix(&name, ".bias")) {
    return false;
  }
  const auto layer = registry.linear_layers.find(name);
  const absl::string_view bytes = location.bytes();
  return layer != registry.linear_layers.end() && layer->second.packed &&
         Mismatch({{layer->second.out_features}, Storage::kFloat}, *location.tensor).empty() &&
         std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

// What is wrong with a tensor that the registry does not have; empty where it is let pass.
std::string SurplusProblem(const TensorRegistry& registry, const ModelConfig& config,
                           const WeightFiles::Locations& stored, absl::string_view name) {
  const WeightFiles::Location& location = stored.at(name);
  if (config.tie_word_embeddings && name == "lm_head.weight") {
    return TiedHeadMismatch(stored, location);
  }
  if (IsComputedBuffer(name) || IsZeroBias(registry, config, name, location)) return "";
  return absl::StrCat("surplus, the config has no such tensor; found ", Describe(*location.tensor));
}

// Layers in NF4 whose stored shape is not the config's.
void FindMisshapenNf4(const TensorRegistry& registry, const WeightFiles::Locations& stored,
                      std::vector<std::string>& problems) {
  for (const auto& [name, layer] : registry.linear_layers) {
    const auto layout = stored.find(absl::StrCat(name, kNf4LayoutSuffix));
    if (!layer.nf4.has_value() || layout == stored.end()) continue;
    if (layer.nf4->out_features == layer.out_features &&
        layer.nf4->in_features == layer.in_features) {
      continue;
    }
    problems.push_back(absl::StrCat(layout->second.file->path(), ": tensor ", layout->first,
                                    ": shape: expected [", layer.out_features, ", ",
                                    layer.in_features, "], found [", layer.nf4->out_features, ", ",
                                    layer.nf4->in_features, "]"));
  }
}

// All that is wrong with the stored tensors, each with file and name.
std::vector<std::string> FindProblems(const TensorRegistry& registry, const ModelConfig& config,
                                      const WeightFiles::Locations& stored) {
  std::vector<std::string> problems;
  for (const auto& [name, expected] : registry.tensors) {
    if (stored.count(name) == 0) {
      problems.push_back(absl::StrCat("missing tensor ", name, ": expected ", Describe(expected)));
    }
  }
  for (const auto& [name, location] : stored) {
    const auto expected = registry.tensors.find(name);
    const std::string problem = expected == registry.tensors.end()
                                    ? SurplusProblem(registry, config, stored, name)
                                    : Mismatch(expected->second, *location.tensor);
    if (!problem.empty()) {
      problems.push_back(absl::StrCat(location.file->path(), ": tensor ", name, ": ", problem));
    }
  }
  FindMisshapenNf4(registry, stored, problems);
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
  const std::string config_path = absl::StrCat(directory, "/", kConfigFile);
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
  absl::Status status = Report(directory, FindProblems(*registry, *config, stored));
  if (!status.ok()) return status;
  if (config->torch_dtype.empty()) config->torch_dtype = StoredDtype(stored);
  std::string config_sha256 = schema::Sha256Hex(config_text);
  return std::make_unique<PublishedCheckpoint>(directory, *std::move(config),
                                               std::move(config_sha256), *std::move(files),
                                               *std::move(registry));
}

}  // namespace forensics::runner
