#include "runner/checkpoint/tensor_registry.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

constexpr int64_t kPackedPerWord = 8;

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
  Builder(const ModelConfig& config, const HasTensor& has_tensor)
      : config_(config), has_tensor_(has_tensor) {}

  absl::StatusOr<TensorRegistry> Build() {
    Float("model.embed_tokens.weight", {config_.vocab_size, config_.hidden_size});
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
    registry_.linear_layers[name] = {out, in, packed};
    if (bias) Float(name + ".bias", {out});
    if (packed) {
      Awq(name, out, in);
    } else {
      Float(name + ".weight", {out, in});
    }
  }

  bool IsPacked(const std::string& name, Packing usual) const {
    if (config_.quant.method == QuantMethod::kNone || usual == Packing::kNever) return false;
    Packing packing = PackingByList(name, config_.quant.modules_to_not_convert);
    if (packing == Packing::kAlways) packing = usual;
    if (packing == Packing::kOpen) return has_tensor_(name + ".qweight");
    return packing == Packing::kAlways;
  }

  void Awq(const std::string& name, int64_t out, int64_t in) {
    const int64_t group = config_.quant.group_size == -1 ? in : config_.quant.group_size;
    if (out % kPackedPerWord != 0 || in % group != 0) {
      if (!status_.ok()) return;
      status_ = absl::InvalidArgumentError(absl::StrCat(
          name, ": [", out, ", ", in, "] cannot be packed by awq: expected a multiple of ",
          kPackedPerWord, " outputs and of ", group, " inputs (group_size)"));
      return;
    }
    const int64_t words = out / kPackedPerWord;
    registry_.tensors[name + ".qweight"] = {{in, words}, Storage::kPacked};
    registry_.tensors[name + ".qzeros"] = {{in / group, words}, Storage::kPacked};
    Float(name + ".scales", {in / group, out});
  }

  void Float(std::string name, std::vector<int64_t> shape) {
    registry_.tensors[std::move(name)] = {std::move(shape), Storage::kFloat};
  }

  const ModelConfig& config_;
  const HasTensor& has_tensor_;
  TensorRegistry registry_;
  absl::Status status_;
};

}  // namespace

const std::vector<absl::string_view>& AllowedDtypes(Storage storage) {
  static const auto* const kFloat = new std::vector<absl::string_view>{"F32", "F16", "BF16"};
  static const auto* const kPacked = new std::vector<absl::string_view>{"I32"};
  return storage == Storage::kFloat ? *kFloat : *kPacked;
}

absl::StatusOr<TensorRegistry> BuildTensorRegistry(const ModelConfig& config,
                                                   const HasTensor& has_tensor) {
  switch (config.quant.method) {
    case QuantMethod::kNone:
    case QuantMethod::kAwq:
      return Builder(config, has_tensor).Build();
    case QuantMethod::kGptq:
      return absl::UnimplementedError("quant_method gptq is not supported yet");
    case QuantMethod::kBnbNf4:
      return absl::UnimplementedError("quant_method bitsandbytes is not supported yet");
  }
  return absl::InternalError("unknown QuantMethod");
}

bool IsComputedBuffer(absl::string_view name) {
  return absl::EndsWith(name, ".rotary_emb.inv_freq");
}

}  // namespace forensics::runner
