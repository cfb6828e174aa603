#include "runner/checkpoint/testing/checkpoint_writer.h"

#include <ATen/ops/empty.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"
#include "runner/checkpoint/awq.h"
#include "runner/checkpoint/tensor_registry.h"

namespace forensics::runner {
namespace {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

absl::string_view DtypeName(at::ScalarType dtype) {
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

at::ScalarType StoredDtype(const ModelConfig& config) {
  if (config.torch_dtype == "float16") return at::kHalf;
  return config.torch_dtype == "bfloat16" ? at::kBFloat16 : at::kFloat;
}

// std::normal_distribution and its like differ between libraries; this does not.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  double Uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  int32_t Below(int32_t bound) { return static_cast<int32_t>(Uniform() * bound); }
  // Mean 0, variance 1, from twelve uniform numbers.
  double Normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += Uniform();
    return sum;
  }

 private:
  std::mt19937_64 engine_;
};

at::Tensor RandomFloats(const std::vector<int64_t>& shape, double mean, double spread,
                        at::ScalarType dtype, Random& random) {
  at::Tensor values = at::empty(shape, at::TensorOptions().dtype(at::kFloat));
  auto* data = values.mutable_data_ptr<float>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    data[i] = static_cast<float>(mean + spread * random.Normal());
  }
  return values.to(dtype);
}

at::Tensor RandomLevels(int64_t rows, int64_t columns, Random& random) {
  at::Tensor values = at::empty({rows, columns}, at::TensorOptions().dtype(at::kInt));
  auto* data = values.mutable_data_ptr<int32_t>();
  for (int64_t i = 0; i < values.numel(); ++i) data[i] = random.Below(16);
  return values;
}

at::Tensor RandomTensor(const std::string& name, const std::vector<int64_t>& shape,
                        at::ScalarType dtype, Random& random) {
  if (absl::EndsWith(name, ".bias")) return RandomFloats(shape, 0, 0.3, dtype, random);
  if (shape.size() == 1) return RandomFloats(shape, 1, 0.25, dtype, random);
  if (absl::EndsWith(name, "embed_tokens.weight")) {
    return RandomFloats(shape, 0, 0.5, dtype, random);
  }
  const double gain = name == "lm_head.weight" ? 3 : 1;
  return RandomFloats(shape, 0, gain / std::sqrt(static_cast<double>(shape[1])), dtype, random);
}

void AddPackedLayer(const std::string& name, const LinearLayer& layer, int64_t groups,
                    Random& random, TensorMap& tensors) {
  const AwqTensors packed = PackAwq(RandomLevels(layer.out_features, layer.in_features, random),
                                    RandomLevels(layer.out_features, groups, random));
  tensors[name + ".qweight"] = packed.qweight;
  tensors[name + ".qzeros"] = packed.qzeros;
  // A difference of two levels has a standard deviation of 6.5.
  const double scale = 1 / (6.5 * std::sqrt(static_cast<double>(layer.in_features)));
  tensors[name + ".scales"] =
      RandomFloats({groups, layer.out_features}, scale, scale / 4, at::kHalf, random);
}

void WriteQuantConfig(const QuantConfig& quant, JsonWriter& json) {
  json.Key("quantization_config");
  json.StartObject();
  json.Key("quant_method");
  json.String("awq");
  json.Key("bits");
  json.Int(quant.bits);
  json.Key("group_size");
  json.Int64(quant.group_size);
  json.Key("version");
  json.String("gemm");
  json.Key("zero_point");
  json.Bool(true);
  json.Key("modules_to_not_convert");
  json.StartArray();
  for (const std::string& module : quant.modules_to_not_convert) json.String(module.c_str());
  json.EndArray();
  json.EndObject();
}

void WriteRopeScaling(const Llama3RopeScaling& scaling, JsonWriter& json) {
  json.Key("rope_scaling");
  json.StartObject();
  json.Key("rope_type");
  json.String("llama3");
  json.Key("factor");
  json.Double(scaling.factor);
  json.Key("low_freq_factor");
  json.Double(scaling.low_freq_factor);
  json.Key("high_freq_factor");
  json.Double(scaling.high_freq_factor);
  json.Key("original_max_position_embeddings");
  json.Int64(scaling.original_max_position_embeddings);
  json.EndObject();
}

std::string ShardName(int shard, int shards) {
  char name[64];
  std::snprintf(name, sizeof(name), "model-%05d-of-%05d.safetensors", shard + 1, shards);
  return name;
}

absl::Status WriteShards(const std::string& directory, const TensorMap& tensors, int shards) {
  // Dealt out in turn, so that the parts of one layer lie in different files.
  std::vector<TensorMap> parts(static_cast<size_t>(shards));
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartObject();
  json.Key("metadata");
  json.StartObject();
  json.EndObject();
  json.Key("weight_map");
  json.StartObject();
  int shard = 0;
  for (const auto& [name, tensor] : tensors) {
    parts[static_cast<size_t>(shard)].emplace(name, tensor);
    json.Key(name.c_str());
    json.String(ShardName(shard, shards).c_str());
    shard = (shard + 1) % shards;
  }
  json.EndObject();
  json.EndObject();
  for (int i = 0; i < shards; ++i) {
    absl::Status status = WriteFile(absl::StrCat(directory, "/", ShardName(i, shards)),
                                    SafetensorsBytes(parts[static_cast<size_t>(i)]));
    if (!status.ok()) return status;
  }
  return WriteFile(absl::StrCat(directory, "/model.safetensors.index.json"), buffer.GetString());
}

}  // namespace

ModelConfig TinyConfig(Architecture architecture) {
  ModelConfig config;
  config.architecture = architecture;
  config.vocab_size = 150;
  config.hidden_size = 40;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 6;
  config.num_key_value_heads = 2;
  config.head_dim = 10;
  config.intermediate_size = 70;
  config.max_position_embeddings = 256;
  config.is_moe_layer = {false, false, false};
  config.torch_dtype = "float32";
  switch (architecture) {
    case Architecture::kQwen3Moe:
      config.architecture_name = "Qwen3MoeForCausalLM";
      config.qk_norm = true;
      config.num_experts = 5;
      config.num_experts_per_tok = 2;
      config.moe_intermediate_size = 30;
      config.norm_topk_prob = true;
      config.is_moe_layer = {true, false, true};
      break;
    case Architecture::kQwen3:
      config.architecture_name = "Qwen3ForCausalLM";
      config.qk_norm = true;
      break;
    case Architecture::kLlama:
      config.architecture_name = "LlamaForCausalLM";
      config.attention_bias = true;
      config.mlp_bias = true;
      config.rope_scaling = Llama3RopeScaling{8, 1, 4, 32};
      break;
  }
  return config;
}

ModelConfig TinyAwqConfig(Architecture architecture) {
  ModelConfig config = TinyConfig(architecture);
  config.hidden_size = 48;
  config.head_dim = 16;
  config.intermediate_size = 80;
  if (config.num_experts > 0) config.moe_intermediate_size = 32;
  config.torch_dtype = "float16";
  config.quant = {QuantMethod::kAwq, 4, 16, {"mlp.gate"}};
  if (config.num_experts == 0) config.quant.modules_to_not_convert.clear();
  return config;
}

std::string ConfigJson(const ModelConfig& config) {
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  const auto integer = [&json](const char* name, int64_t value) {
    json.Key(name);
    json.Int64(value);
  };
  const auto boolean = [&json](const char* name, bool value) {
    json.Key(name);
    json.Bool(value);
  };
  const auto number = [&json](const char* name, double value) {
    json.Key(name);
    json.Double(value);
  };
  json.StartObject();
  json.Key("architectures");
  json.StartArray();
  json.String(config.architecture_name.c_str());
  json.EndArray();
  integer("vocab_size", config.vocab_size);
  integer("hidden_size", config.hidden_size);
  integer("num_hidden_layers", config.num_hidden_layers);
  integer("num_attention_heads", config.num_attention_heads);
  integer("num_key_value_heads", config.num_key_value_heads);
  integer("head_dim", config.head_dim);
  integer("intermediate_size", config.intermediate_size);
  integer("max_position_embeddings", config.max_position_embeddings);
  number("rms_norm_eps", config.rms_norm_eps);
  number("rope_theta", config.rope_theta);
  boolean("attention_bias", config.attention_bias);
  boolean("mlp_bias", config.mlp_bias);
  boolean("tie_word_embeddings", config.tie_word_embeddings);
  json.Key("hidden_act");
  json.String("silu");
  json.Key("torch_dtype");
  json.String(config.torch_dtype.c_str());
  if (config.rope_scaling) WriteRopeScaling(*config.rope_scaling, json);
  if (config.num_experts > 0) {
    integer("num_experts", config.num_experts);
    integer("num_experts_per_tok", config.num_experts_per_tok);
    integer("moe_intermediate_size", config.moe_intermediate_size);
    integer("decoder_sparse_step", 1);
    boolean("norm_topk_prob", config.norm_topk_prob);
    json.Key("mlp_only_layers");
    json.StartArray();
    for (size_t layer = 0; layer < config.is_moe_layer.size(); ++layer) {
      if (!config.is_moe_layer[layer]) json.Uint64(layer);
    }
    json.EndArray();
  }
  if (config.quant.method == QuantMethod::kAwq) WriteQuantConfig(config.quant, json);
  json.EndObject();
  return buffer.GetString();
}

TensorMap RandomTensors(const ModelConfig& config, uint64_t seed) {
  // What the list of modules leaves open is stored unpacked.
  const auto registry = BuildTensorRegistry(config, [](absl::string_view) { return false; });
  TensorMap tensors;
  if (!registry.ok()) return tensors;
  Random random(seed);
  for (const auto& [name, layer] : registry->linear_layers) {
    if (!layer.packed) continue;
    const int64_t groups = registry->tensors.at(name + ".qzeros").shape[0];
    AddPackedLayer(name, layer, groups, random, tensors);
  }
  for (const auto& [name, expected] : registry->tensors) {
    if (tensors.count(name) != 0) continue;
    tensors[name] = RandomTensor(name, expected.shape, StoredDtype(config), random);
  }
  return tensors;
}

AwqTensors PackAwq(const at::Tensor& weight, const at::Tensor& zeros) {
  const auto pack = [](const at::Tensor& levels) {  // [out, n] to [n, out / 8]
    const int64_t words = levels.size(0) / 8;
    const int64_t columns = levels.size(1);
    at::Tensor packed = at::empty({columns, words}, at::TensorOptions().dtype(at::kInt));
    const at::Tensor source = levels.contiguous();
    const auto* values = source.const_data_ptr<int32_t>();
    auto* out = packed.mutable_data_ptr<int32_t>();
    for (int64_t column = 0; column < columns; ++column) {
      for (int64_t word = 0; word < words; ++word) {
        uint32_t bits = 0;
        for (size_t nibble = 0; nibble < kAwqOrder.size(); ++nibble) {
          const int64_t output = 8 * word + kAwqOrder[nibble];
          bits |= static_cast<uint32_t>(values[output * columns + column]) << (4 * nibble);
        }
        out[column * words + word] = static_cast<int32_t>(bits);
      }
    }
    return packed;
  };
  return {pack(weight), pack(zeros)};
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
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  std::string data;
  json.StartObject();
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor contiguous = tensor.contiguous();
    const size_t begin = data.size();
    data.append(static_cast<const char*>(contiguous.const_data_ptr()), contiguous.nbytes());
    json.Key(name.c_str());
    json.StartObject();
    json.Key("dtype");
    json.String(std::string(DtypeName(tensor.scalar_type())).c_str());
    json.Key("shape");
    json.StartArray();
    for (int64_t size : tensor.sizes()) json.Int64(size);
    json.EndArray();
    json.Key("data_offsets");
    json.StartArray();
    json.Uint64(begin);
    json.Uint64(data.size());
    json.EndArray();
    json.EndObject();
  }
  json.EndObject();
  return SafetensorsBytes(absl::string_view(buffer.GetString(), buffer.GetSize()), data);
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
