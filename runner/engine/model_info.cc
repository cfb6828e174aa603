#include "runner/engine/model_info.h"

#include <filesystem>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace forensics::runner {
namespace {

int64_t CountAttention(const ModelConfig& c) {
  const int64_t queries = c.num_attention_heads * c.head_dim;
  const int64_t keys = c.num_key_value_heads * c.head_dim;
  int64_t count = c.hidden_size * (2 * queries + 2 * keys);
  if (c.attention_bias) count += queries + 2 * keys + c.hidden_size;
  if (c.qk_norm) count += 2 * c.head_dim;
  return count;
}

int64_t CountMlp(const ModelConfig& c, bool is_moe) {
  if (is_moe) {
    return c.num_experts * c.hidden_size * (1 + 3 * c.moe_intermediate_size);
  }
  const int64_t biases = c.mlp_bias ? 2 * c.intermediate_size + c.hidden_size : 0;
  return 3 * c.hidden_size * c.intermediate_size + biases;
}

// The last two parts of the path, as models are named where they are published:
// "QuixiAI/Qwen3-30B-A3B-AWQ". In a download cache, ".../models--ORG--NAME/snapshots/REVISION".
std::string ModelName(const std::string& directory) {
  std::vector<std::string> parts;
  for (const std::filesystem::path& part : std::filesystem::weakly_canonical(directory)) {
    if (absl::StartsWith(part.string(), "models--")) {
      return absl::StrReplaceAll(part.string().substr(8), {{"--", "/"}});
    }
    if (part.string() != "" && part.string() != "/") parts.push_back(part.string());
  }
  const size_t first = parts.size() > 2 ? parts.size() - 2 : 0;
  return absl::StrJoin(parts.begin() + static_cast<int64_t>(first), parts.end(), "/");
}

}  // namespace

int64_t CountParameters(const ModelConfig& c) {
  int64_t count = c.vocab_size * c.hidden_size * (c.tie_word_embeddings ? 1 : 2) + c.hidden_size;
  for (int64_t layer = 0; layer < c.num_hidden_layers; ++layer) {
    count += CountAttention(c) + CountMlp(c, c.is_moe_layer[layer]) + 2 * c.hidden_size;
  }
  return count;
}

std::string QuantMethodName(QuantMethod method) {
  switch (method) {
    case QuantMethod::kNone:
      return "none";
    case QuantMethod::kAwq:
      return "awq";
    case QuantMethod::kGptq:
      return "gptq";
    case QuantMethod::kBnbNf4:
      return "bnb";
  }
  return "unknown";
}

absl::StatusOr<schema::ModelInfo> DescribeModel(const Checkpoint& checkpoint) {
  absl::StatusOr<std::string> digest = checkpoint.Digest();
  if (!digest.ok()) return digest.status();
  const ModelConfig& config = checkpoint.config();
  schema::ModelInfo info;
  info.set_name(ModelName(checkpoint.directory()));
  info.set_digest(*digest);
  info.set_architecture(config.architecture_name);
  info.set_parameters(CountParameters(config));
  info.set_num_hidden_layers(static_cast<int32_t>(config.num_hidden_layers));
  info.set_hidden_size(static_cast<int32_t>(config.hidden_size));
  info.set_key_size(static_cast<int32_t>(config.num_key_value_heads * config.head_dim));
  info.set_vocab_size(static_cast<int32_t>(config.vocab_size));
  info.set_mixture_of_experts(config.num_experts > 0);
  return info;
}

}  // namespace forensics::runner
