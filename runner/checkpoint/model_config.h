// The dimensions and switches of a decoder, as its checkpoint's config.json gives them.
#ifndef RUNNER_CHECKPOINT_MODEL_CONFIG_H_
#define RUNNER_CHECKPOINT_MODEL_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace forensics::runner {

// All three are one decoder with other switches (Hugging Face: Qwen3MoeForCausalLM,
// Qwen3ForCausalLM, LlamaForCausalLM).
enum class Architecture { kQwen3Moe, kQwen3, kLlama };

// How the linear layers' weights are stored; "awq", "gptq" and "bnb" in RunConfig.
enum class QuantMethod { kNone, kAwq, kGptq, kBnbNf4 };

struct QuantConfig {
  QuantMethod method = QuantMethod::kNone;
  int bits = 16;
  int64_t group_size = 0;    // along a linear layer's inputs; -1: one group
  int gptq_zero_offset = 1;  // zero points are stored less this: version 1 of the format 1, 2 none
  // A linear layer whose name contains one of these is stored unquantised.
  std::vector<std::string> modules_to_not_convert;
};

// Llama 3's frequency scaling (config.json: rope_scaling with rope_type "llama3").
struct Llama3RopeScaling {
  double factor = 1;
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  int64_t original_max_position_embeddings = 8192;
};

struct ModelConfig {
  Architecture architecture = Architecture::kQwen3Moe;
  std::string architecture_name;  // config.json: architectures[0]

  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  int64_t intermediate_size = 0;  // of a dense layer's MLP
  int64_t max_position_embeddings = 0;

  double rms_norm_eps = 1e-6;
  double rope_theta = 10000;
  std::optional<Llama3RopeScaling> rope_scaling;
  bool qk_norm = false;  // RMSNorm over head_dim on queries and keys: Qwen3
  bool attention_bias = false;
  bool mlp_bias = false;
  bool tie_word_embeddings = false;

  // Mixture of experts; a layer of which is_moe_layer is false has a dense MLP.
  int64_t num_experts = 0;
  int64_t num_experts_per_tok = 0;
  int64_t moe_intermediate_size = 0;
  bool norm_topk_prob = false;
  std::vector<bool> is_moe_layer;  // [num_hidden_layers]

  std::string
      torch_dtype;  // "float16", "bfloat16", "float32": what unquantised tensors are stored in
  QuantConfig quant;
};

// Parses the text of a config.json. `origin` names it in errors. Refuses what this runner cannot
// run faithfully (an unknown architecture, activation, quant_method, rope_type, sliding window),
// and dimensions that contradict one another, naming the field, what was expected and what found.
absl::StatusOr<ModelConfig> ParseModelConfig(std::string_view json, std::string_view origin);

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_MODEL_CONFIG_H_
