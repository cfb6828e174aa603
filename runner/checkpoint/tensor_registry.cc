#include "runner/checkpoint/tensor_registry.h"

#include <initializer_list>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runner/checkpoint/packed_weight.h"

namespace forensics::runner {
namespace {

enum class Packing { kNever, kOpen, kAlways };

bool IsComponentBoundary(absl::string_view name, size_t position) {
  return position == 0 || position == name.size() || name[position] == '.' ||
         name[position - 1] == '.';
}

// What modules_to_not_convert says about the linear layer `name`.
Packing PackingByList(absl::string_view name, const std::vector<std::string>& excluded) {
  Packing packing = Packing::kAlways;
  for (const std::string& entry : excluded) {
    if (entry.empty()) continue;
    for (size_t at = name.find(entry); at != absl::string_view::npos;
         at = name.find(entry, at + 1)) {
      if (IsComponentBoundary(name, at) && IsComponentBoundary(name, at + entry.size())) {
        return Packing::kNever;
      }
      packing = Packing::kOpen;
    }
  }
  return packing;
}

class Builder {
 public:
  Builder(const ModelConfig& config, const HasTensor& has_tensor, const Nf4Layouts& layouts)
      : config_(config), has_tensor_(has_tensor), layouts_(layouts) {}

  absl::StatusOr<TensorRegistry> Build() {
    Float(kEmbedding, {config_.vocab_size, config_.hidden_size});
    for (int64_t layer = 0; layer < config_.num_hidden_layers; ++layer) Layer(layer);
    Float("model.norm.weight", {config_.hidden_size});
    if (!config_.tie_word_embeddings) {
      Linear("lm_head", config_.vocab_size, config_.hidden_size, false, Packing::kNever);
    }
    if (!status_.ok()) return status_;
    return std::move(registry_);
  }

 private:
  void Layer(int64_t layer) {
    const std::string prefix = absl::StrCat("model.layers.", layer, ".");
    Float(prefix + "input_layernorm.weight", {config_.hidden_size});
    Attention(prefix + "self_attn.");
    Float(prefix + "post_attention_layernorm.weight", {config_.hidden_size});
    const std::string mlp = prefix + "mlp.";
    if (!config_.is_moe_layer[static_cast<size_t>(layer)]) {
      return Mlp(mlp, config_.intermediate_size);
    }
    Linear(mlp + "gate", config_.num_experts, config_.hidden_size, false, Packing::kOpen);
    for (int64_t expert = 0; expert < config_.num_experts; ++expert) {
      Mlp(absl::StrCat(mlp, "experts.", expert, "."), config_.moe_intermediate_size);
    }
  }

  void Attention(const std::string& prefix) {
    const int64_t hidden = config_.hidden_size;
    const int64_t queries = config_.num_attention_heads * config_.head_dim;
    const int64_t keys = config_.num_key_value_heads * config_.head_dim;
    Linear(prefix + "q_proj", queries, hidden, config_.attention_bias);
    Linear(prefix + "k_proj", keys, hidden, config_.attention_bias);
    Linear(prefix + "v_proj", keys, hidden, config_.attention_bias);
    Linear(prefix + "o_proj", hidden, queries, config_.attention_bias);
    if (!config_.qk_norm) return;
    Float(prefix + "q_norm.weight", {config_.head_dim});
    Float(prefix + "k_norm.weight", {config_.head_dim});
  }

  void Mlp(const std::string& prefix, int64_t width) {
    Linear(prefix + "gate_proj", width, config_.hidden_size, config_.mlp_bias);
    Linear(prefix + "up_proj", width, config_.hidden_size, config_.mlp_bias);
    Linear(prefix + "down_proj", config_.hidden_size, width, config_.mlp_bias);
  }

  // `usual`: how a layer of this kind is stored in a quantised checkpoint whose list is silent.
  void Linear(const std::string& name, int64_t out, int64_t in, bool bias,
              Packing usual = Packing::kAlways) {
    const bool packed = IsPacked(name, usual);
    registry_.linear_layers[name] = {out, in, packed, std::nullopt};
    if (bias) Float(name + ".bias", {out});
    if (!packed) return Float(name + ".weight", {out, in});
    switch (config_.quant.method) {
      case QuantMethod::kNone:
        return;
      case QuantMethod::kAwq:
        return Awq(name, out, in);
      case QuantMethod::kGptq:
        return Gptq(name, out, in);
      case QuantMethod::kBnbNf4:
        return Nf4(name, out, in);
    }
  }

  bool IsPacked(const std::string& name, Packing usual) const {
    switch (config_.quant.method) {
      case QuantMethod::kNone:
        return false;
      case QuantMethod::kAwq:
        return IsPackedByList(name, usual);
      case QuantMethod::kGptq:
        return IsPackedByFiles(name, {".qweight", ".qzeros", ".scales", ".g_idx"}, usual);
      case QuantMethod::kBnbNf4:
        return IsPackedByFiles(name, {kNf4LayoutSuffix, ".weight.quant_map", ".weight.absmax"},
                               usual);
    }
    return false;
  }

  bool IsPackedByList(const std::string& name, Packing usual) const {
    if (usual == Packing::kNever) return false;
    Packing packing = PackingByList(name, config_.quant.modules_to_not_convert);
    if (packing == Packing::kAlways) packing = usual;
    if (packing == Packing::kOpen) return has_tensor_(name + ".qweight");
    return packing == Packing::kAlways;
  }

  bool IsPackedByFiles(const std::string& name, std::initializer_list<absl::string_view> parts,
                       Packing usual) const {
    for (absl::string_view part : parts) {
      if (has_tensor_(absl::StrCat(name, part))) return true;
    }
    return usual == Packing::kAlways && !has_tensor_(name + ".weight");
  }

  void Awq(const std::string& name, int64_t out, int64_t in) {
    const int64_t group = config_.quant.group_size == -1 ? in : config_.quant.group_size;
    if (out % kNibblesPerWord != 0 || in % group != 0) {
      return CannotPack(name, out, in, "awq", absl::StrCat(group, " inputs (group_size)"));
    }
    const int64_t words = out / kNibblesPerWord;
    Add(name + ".qweight", {in, words}, Storage::kInt32);
    Add(name + ".qzeros", {in / group, words}, Storage::kInt32);
    Float(name + ".scales", {in / group, out});
  }

  // The last group may be a part of one.
  void Gptq(const std::string& name, int64_t out, int64_t in) {
    if (out % kNibblesPerWord != 0 || in % kNibblesPerWord != 0) {
      return CannotPack(name, out, in, "gptq", absl::StrCat(kNibblesPerWord, " inputs"));
    }
    const int64_t group = config_.quant.group_size == -1 ? in : config_.quant.group_size;
    const int64_t groups = (in + group - 1) / group;
    Add(name + ".qweight", {in / kNibblesPerWord, out}, Storage::kInt32);
    Add(name + ".qzeros", {groups, out / kNibblesPerWord}, Storage::kInt32);
    Float(name + ".scales", {groups, out});
    Add(name + ".g_idx", {in}, Storage::kInt32);
  }

  void Nf4(const std::string& name, int64_t out, int64_t in) {
    Nf4Layout layout;
    layout.nested.emplace();
    if (const auto stored = layouts_.find(name); stored != layouts_.end()) layout = stored->second;
    registry_.linear_layers[name].nf4 = layout;
    layout.out_features = out;  // the config's: a stored shape that differs is an error itself
    layout.in_features = in;
    const std::string weight = name + ".weight";
    Add(absl::StrCat(name, kNf4LayoutSuffix), {kAnySize}, Storage::kByte);
    Add(weight, {layout.bytes(), 1}, Storage::kByte);
    Add(weight + ".quant_map", {kLevels}, Storage::kFloat32);
    Add(weight + ".absmax", {layout.blocks()},
        layout.nested.has_value() ? Storage::kByte : Storage::kFloat32);
    if (!layout.nested.has_value()) return;
    Add(weight + ".nested_absmax", {layout.nested_blocks()}, Storage::kFloat32);
    Add(weight + ".nested_quant_map", {kNf4NestedLevels}, Storage::kFloat32);
  }

  void CannotPack(const std::string& name, int64_t out, int64_t in, absl::string_view format,
                  absl::string_view inputs) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat(name, ": [", out, ", ", in, "] cannot be packed by ", format,
                     ": expected a multiple of ", kNibblesPerWord, " outputs and of ", inputs));
  }

  void Add(std::string name, std::vector<int64_t> shape, Storage storage) {
    registry_.tensors[std::move(name)] = {std::move(shape), storage};
  }

  void Float(std::string name, std::vector<int64_t> shape) {
    Add(std::move(name), std::move(shape), Storage::kFloat);
  }

  const ModelConfig& config_;
  const HasTensor& has_tensor_;
  const Nf4Layouts& layouts_;
  TensorRegistry registry_;
  absl::Status status_;
};

}  // namespace

const std::vector<absl::string_view>& AllowedDtypes(Storage storage) {
  using Names = std::vector<absl::string_view>;
  static const auto* const kNames = new std::map<Storage, Names>{
      {Storage::kFloat, {"F32", "F16", "BF16"}},
      {Storage::kFloat32, {"F32"}},
      {Storage::kInt32, {"I32"}},
      {Storage::kByte, {"U8"}},
  };
  return kNames->at(storage);
}

absl::StatusOr<TensorRegistry> BuildTensorRegistry(const ModelConfig& config,
                                                   const HasTensor& has_tensor,
                                                   const Nf4Layouts& layouts) {
  return Builder(config, has_tensor, layouts).Build();
}

bool IsComputedBuffer(absl::string_view name) {
  return absl::EndsWith(name, ".rotary_emb.inv_freq");
}

}  // namespace forensics::runner
