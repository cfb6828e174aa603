#include "runner/checkpoint/tensor_check.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace forensics::runner {
namespace {

constexpr size_t kProblemsShown = 5;

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

}  // namespace

absl::Status CheckTensors(const std::string& directory, const TensorRegistry& registry,
                          const ModelConfig& config, const WeightFiles::Locations& stored) {
  std::vector<std::string> problems = FindProblems(registry, config, stored);
  if (problems.empty()) return absl::OkStatus();
  const size_t count = problems.size();
  if (count > kProblemsShown) {
    problems.resize(kProblemsShown);
    problems.push_back(absl::StrCat("and ", count - kProblemsShown, " more"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(directory, ": ", count, count == 1 ? " tensor does" : " tensors do",
                   " not match config.json: ", absl::StrJoin(problems, "; ")));
}

}  // namespace forensics::runner
