#include "runner/checkpoint/testing/checkpoint_writer.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runner/checkpoint/json_text.h"

namespace forensics::runner {
namespace {

const char* DtypeName(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return "F32";
    case at::kHalf:
      return "F16";
    case at::kBFloat16:
      return "BF16";
    case at::kDouble:
      return "F64";
    case at::kInt:
      return "I32";
    case at::kLong:
      return "I64";
    default:
      return "U8";
  }
}

std::string ShardName(int shard, int shards) {
  char name[64];
  std::snprintf(name, sizeof(name), "model-%05d-of-%05d.safetensors", shard + 1, shards);
  return name;
}

absl::Status WriteShards(const std::string& directory, const TensorMap& tensors, int shards) {
  // Dealt out in turn, so that the parts of one layer lie in different files.
  std::vector<TensorMap> parts(static_cast<size_t>(shards));
  JsonText index;
  index.Object("metadata", [] {});
  index.Object("weight_map", [&] {
    int shard = 0;
    for (const auto& [name, tensor] : tensors) {
      parts[static_cast<size_t>(shard)].emplace(name, tensor);
      index.String(name, ShardName(shard, shards));
      shard = (shard + 1) % shards;
    }
  });
  for (int i = 0; i < shards; ++i) {
    absl::Status status = WriteFile(absl::StrCat(directory, "/", ShardName(i, shards)),
                                    SafetensorsBytes(parts[static_cast<size_t>(i)]));
    if (!status.ok()) return status;
  }
  return WriteFile(absl::StrCat(directory, "/model.safetensors.index.json"), index.Finish());
}

void WriteExperts(const ModelConfig& config, JsonText& json) {
  json.Int("num_experts", config.num_experts);
  json.Int("num_experts_per_tok", config.num_experts_per_tok);
  json.Int("moe_intermediate_size", config.moe_intermediate_size);
  json.Bool("norm_topk_prob", config.norm_topk_prob);
  json.Int("decoder_sparse_step", 1);
  std::vector<int64_t> dense;
  for (size_t layer = 0; layer < config.is_moe_layer.size(); ++layer) {
    if (!config.is_moe_layer[layer]) dense.push_back(static_cast<int64_t>(layer));
  }
  json.Ints("mlp_only_layers", dense);
}

void WriteRopeScaling(const Llama3RopeScaling& scaling, JsonText& json) {
  json.Object("rope_scaling", [&] {
    json.String("rope_type", "llama3");
    json.Number("factor", scaling.factor);
    json.Number("low_freq_factor", scaling.low_freq_factor);
    json.Number("high_freq_factor", scaling.high_freq_factor);
    json.Int("original_max_position_embeddings", scaling.original_max_position_embeddings);
  });
}

void WriteAwq(const QuantConfig& quant, JsonText& json) {
  json.String("quant_method", "awq");
  json.Int("bits", quant.bits);
  json.Int("group_size", quant.group_size);
  json.String("version", "gemm");
  json.Bool("zero_point", true);
  json.Strings("modules_to_not_convert", quant.modules_to_not_convert);
}

void WriteGptq(const QuantConfig& quant, JsonText& json) {
  json.String("quant_method", "gptq");
  json.Int("bits", quant.bits);
  json.Int("group_size", quant.group_size);
  json.Bool("desc_act", true);
  json.Bool("sym", true);
  json.String("checkpoint_format", quant.gptq_zero_offset == 0 ? "gptq_v2" : "gptq");
  json.Object("dynamic", [&] { json.Object("-:.*mlp\\.gate$", [] {}); });
}

void WriteNf4(const QuantConfig& quant, JsonText& json) {
  json.String("quant_method", "bitsandbytes");
  json.Bool("load_in_4bit", true);
  json.String("bnb_4bit_quant_type", "nf4");
  json.Bool("bnb_4bit_use_double_quant", true);
  json.Strings("llm_int8_skip_modules", quant.modules_to_not_convert);
}

void WriteQuant(const QuantConfig& quant, JsonText& json) {
  if (quant.method == QuantMethod::kNone) return;
  json.Object("quantization_config", [&] {
    if (quant.method == QuantMethod::kAwq) WriteAwq(quant, json);
    if (quant.method == QuantMethod::kGptq) WriteGptq(quant, json);
    if (quant.method == QuantMethod::kBnbNf4) WriteNf4(quant, json);
  });
}

}  // namespace

std::string ConfigJson(const ModelConfig& config) {
  JsonText json;
  json.Strings("architectures", {config.architecture_name});
  json.Int("vocab_size", config.vocab_size);
  json.Int("hidden_size", config.hidden_size);
  json.Int("num_hidden_layers", config.num_hidden_layers);
  json.Int("num_attention_heads", config.num_attention_heads);
  json.Int("num_key_value_heads", config.num_key_value_heads);
  json.Int("head_dim", config.head_dim);
  json.Int("intermediate_size", config.intermediate_size);
  json.Int("max_position_embeddings", config.max_position_embeddings);
  json.Number("rms_norm_eps", config.rms_norm_eps);
  json.Number("rope_theta", config.rope_theta);
  json.Bool("attention_bias", config.attention_bias);
  json.Bool("mlp_bias", config.mlp_bias);
  json.Bool("tie_word_embeddings", config.tie_word_embeddings);
  json.String("hidden_act", "silu");
  json.String("torch_dtype", config.torch_dtype);
  if (config.rope_scaling) WriteRopeScaling(*config.rope_scaling, json);
  if (config.num_experts > 0) WriteExperts(config, json);
  WriteQuant(config.quant, json);
  return json.Finish();
}

std::string SafetensorsBytes(absl::string_view header, absl::string_view data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) {
    bytes.push_back(static_cast<char>(static_cast<uint64_t>(header.size()) >> (8 * i)));
  }
  absl::StrAppend(&bytes, header, data);
  return bytes;
}

std::string SafetensorsBytes(const TensorMap& tensors) {
  JsonText header;
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor contiguous = tensor.contiguous();
    const auto begin = static_cast<int64_t>(data.size());
    data.append(static_cast<const char*>(contiguous.const_data_ptr()), contiguous.nbytes());
    header.Object(name, [&, &tensor = tensor] {
      header.String("dtype", DtypeName(tensor.scalar_type()));
      header.Ints("shape", tensor.sizes().vec());
      header.Ints("data_offsets", {begin, static_cast<int64_t>(data.size())});
    });
  }
  return SafetensorsBytes(header.Finish(), data);
}

absl::Status WriteCheckpoint(const std::string& directory, absl::string_view config_json,
                             const TensorMap& tensors, int shards) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  absl::Status status = WriteFile(directory + "/config.json", config_json);
  if (!status.ok()) return status;
  if (shards > 1) return WriteShards(directory, tensors, shards);
  return WriteFile(directory + "/model.safetensors", SafetensorsBytes(tensors));
}

absl::Status WriteFile(const std::string& path, absl::string_view bytes) {
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) return absl::InternalError(absl::StrCat(path, ": cannot write"));
  return absl::OkStatus();
}

std::string ReadFile(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

}  // namespace forensics::runner
