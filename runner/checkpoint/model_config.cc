#include "runner/checkpoint/model_config.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runner/checkpoint/json_fields.h"
#include "runner/checkpoint/json_object.h"
#include "runner/checkpoint/quant_config.h"

namespace forensics::runner {
namespace {

// Far above every published model, and low enough that the product of three sizes and the list of
// all tensors are harmless, whatever a config claims.
constexpr int64_t kMaxSize = int64_t{1} << 20;
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxExperts = 4096;
constexpr int64_t kMaxLayersTimesExperts = 65536;
constexpr int64_t kMaxPositions = std::numeric_limits<int32_t>::max();

struct ArchitectureEntry {
  absl::string_view name;        // config.json: architectures[0]
  absl::string_view model_type;  // config.json: model_type
  Architecture architecture;
};

constexpr ArchitectureEntry kArchitectures[] = {
    {"Qwen3MoeForCausalLM", "qwen3_moe", Architecture::kQwen3Moe},
    {"Qwen3ForCausalLM", "qwen3", Architecture::kQwen3},
    {"LlamaForCausalLM", "llama", Architecture::kLlama},
};

void ReadArchitecture(JsonFields& fields, ModelConfig& config) {
  const std::vector<std::string> names = fields.Strings("architectures");
  for (const ArchitectureEntry& entry : kArchitectures) {
    if (names.size() != 1 || entry.name != names[0]) continue;
    config.architecture = entry.architecture;
    config.architecture_name = names[0];
    // Hugging Face goes by model_type, so a contradiction must not pass unseen.
    if (fields.String("model_type", std::string(entry.model_type)) != entry.model_type) {
      fields.Refuse("model_type", absl::StrCat("\"", entry.model_type, "\" (of ", names[0], ")"));
    }
    return;
  }
  const std::string known = absl::StrJoin(
      kArchitectures, ", ",
      [](std::string* out, const ArchitectureEntry& entry) { absl::StrAppend(out, entry.name); });
  fields.Refuse("architectures", absl::StrCat("one of ", known), absl::StrJoin(names, ", "));
}

void ReadHeadDim(JsonFields& fields, ModelConfig& config) {
  // What the three configuration classes of transformers take where the field is absent.
  std::optional<int64_t> fallback;
  if (config.architecture == Architecture::kQwen3) {
    fallback = 128;
  } else if (config.hidden_size % config.num_attention_heads == 0) {
    fallback = config.hidden_size / config.num_attention_heads;
  }
  config.head_dim = fields.Int("head_dim", 1, kMaxSize, fallback);
  if (config.head_dim % 2 != 0) {
    fields.Refuse("head_dim", "an even number", absl::StrCat(config.head_dim));
  }
  if (config.num_attention_heads * config.head_dim > kMaxSize) {
    fields.Refuse("head_dim", absl::StrCat("at most ", kMaxSize, " features over all heads"),
                  absl::StrCat(config.num_attention_heads, " heads of ", config.head_dim));
  }
}

void ReadAttention(JsonFields& fields, ModelConfig& config) {
  const bool is_llama = config.architecture == Architecture::kLlama;
  config.num_attention_heads = fields.Int("num_attention_heads", 1, kMaxSize);
  config.num_key_value_heads =
      fields.Int("num_key_value_heads", 1, kMaxSize,
                 is_llama ? std::optional(config.num_attention_heads) : std::nullopt);
  if (config.num_attention_heads % config.num_key_value_heads != 0) {
    fields.Refuse("num_key_value_heads", absl::StrCat("a divisor of num_attention_heads (",
                                                      config.num_attention_heads, ")"));
  }
  ReadHeadDim(fields, config);
  config.attention_bias = fields.Bool("attention_bias", false);
  config.qk_norm = !is_llama;
  if (fields.Bool("use_sliding_window", false)) {
    fields.Refuse("use_sliding_window", "false (a sliding window is not supported)");
  }
  for (const std::string& type : fields.Strings("layer_types")) {
    if (type != "full_attention") fields.Refuse("layer_types", "full_attention alone", type);
  }
}

// The rope_type of `rope`, which older files call "type".
std::string RopeType(JsonFields& rope) {
  return rope.Has("rope_type") ? rope.String("rope_type") : rope.String("type", "default");
}

void ReadRopeScaling(JsonFields& rope, ModelConfig& config) {
  const std::string type = RopeType(rope);
  if (type == "default") return;
  if (type != "llama3") {
    return rope.Refuse("rope_type", "\"default\" or \"llama3\"", type);
  }
  Llama3RopeScaling scaling;
  scaling.factor = rope.Double("factor", 1, 1e6);
  scaling.low_freq_factor = rope.Double("low_freq_factor", 1e-3, 1e6);
  scaling.high_freq_factor = rope.Double("high_freq_factor", 1e-3, 1e6);
  scaling.original_max_position_embeddings =
      rope.Int("original_max_position_embeddings", 1, kMaxPositions);
  if (scaling.high_freq_factor <= scaling.low_freq_factor) {
    rope.Refuse("high_freq_factor",
                absl::StrCat("more than low_freq_factor (", scaling.low_freq_factor, ")"));
  }
  config.rope_scaling = scaling;
}

void ReadRope(JsonFields& fields, ModelConfig& config) {
  constexpr double kMaxTheta = 1e12;
  constexpr double kDefaultTheta = 10000;
  config.max_position_embeddings = fields.Int("max_position_embeddings", 1, kMaxPositions);
  config.rope_theta = fields.Double("rope_theta", 1, kMaxTheta, kDefaultTheta);
  if (fields.Double("partial_rotary_factor", 0, 1, 1) != 1) {
    fields.Refuse("partial_rotary_factor", "1");
  }
  // transformers 4 has rope_scaling, 5 has rope_parameters, which hold the base too.
  for (const char* name : {"rope_scaling", "rope_parameters"}) {
    std::optional<JsonFields> rope = fields.Object(name);
    if (!rope) continue;
    config.rope_theta = rope->Double("rope_theta", 1, kMaxTheta, config.rope_theta);
    if (rope->Double("partial_rotary_factor", 0, 1, 1) != 1) {
      rope->Refuse("partial_rotary_factor", "1");
    }
    ReadRopeScaling(*rope, config);
    fields.Absorb(*rope);
  }
}

// Which layers have experts: Qwen3MoeDecoderLayer's rule.
void ReadExperts(JsonFields& fields, ModelConfig& config) {
  config.is_moe_layer.assign(static_cast<size_t>(config.num_hidden_layers), false);
  if (config.architecture != Architecture::kQwen3Moe) return;
  config.num_experts = fields.Int("num_experts", 0, kMaxExperts);
  if (config.num_experts == 0) return;
  config.num_experts_per_tok = fields.Int("num_experts_per_tok", 1, config.num_experts);
  config.moe_intermediate_size = fields.Int("moe_intermediate_size", 1, kMaxSize);
  config.norm_topk_prob = fields.Bool("norm_topk_prob", false);
  if (config.num_hidden_layers * config.num_experts > kMaxLayersTimesExperts) {
    fields.Refuse("num_experts",
                  absl::StrCat("at most ", kMaxLayersTimesExperts, " experts over all layers"),
                  absl::StrCat(config.num_hidden_layers, " layers of ", config.num_experts));
  }
  const int64_t step = fields.Int("decoder_sparse_step", 1, kMaxLayers, 1);
  const std::vector<int64_t> dense =
      fields.Ints("mlp_only_layers", 0, config.num_hidden_layers - 1);
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    const bool listed = std::find(dense.begin(), dense.end(), layer) != dense.end();
    config.is_moe_layer[static_cast<size_t>(layer)] = !listed && (layer + 1) % step == 0;
  }
}

void ReadDtype(JsonFields& fields, ModelConfig& config) {
  const char* name = fields.Has("dtype") ? "dtype" : "torch_dtype";
  config.torch_dtype = fields.String(name, "");
  const std::string& dtype = config.torch_dtype;
  if (!dtype.empty() && dtype != "float16" && dtype != "bfloat16" && dtype != "float32") {
    fields.Refuse(name, "float16, bfloat16 or float32");
  }
}

}  // namespace

absl::StatusOr<ModelConfig> ParseModelConfig(std::string_view json, std::string_view origin) {
  const std::string name(origin);
  auto document = ParseJsonObject(absl::string_view(json.data(), json.size()), name);
  if (!document.ok()) return document.status();
  JsonFields fields(*document, name);
  ModelConfig config;

  ReadArchitecture(fields, config);
  if (!fields.status().ok()) return fields.status();
  config.vocab_size = fields.Int("vocab_size", 1, int64_t{1} << 24);
  config.hidden_size = fields.Int("hidden_size", 1, kMaxSize);
  config.num_hidden_layers = fields.Int("num_hidden_layers", 1, kMaxLayers);
  config.intermediate_size = fields.Int("intermediate_size", 1, kMaxSize);
  config.rms_norm_eps = fields.Double("rms_norm_eps", 0, 1, 1e-6);
  config.tie_word_embeddings = fields.Bool("tie_word_embeddings", false);
  if (config.architecture == Architecture::kLlama) {
    config.mlp_bias = fields.Bool("mlp_bias", false);
  }
  if (fields.String("hidden_act", "silu") != "silu") fields.Refuse("hidden_act", "\"silu\"");
  ReadAttention(fields, config);
  ReadRope(fields, config);
  ReadExperts(fields, config);
  ReadDtype(fields, config);
  if (std::optional<JsonFields> quant = fields.Object("quantization_config")) {
    config.quant = ReadQuantConfig(*quant);
    fields.Absorb(*quant);
  }
  if (!fields.status().ok()) return fields.status();
  return config;
}

}  // namespace forensics::runner
