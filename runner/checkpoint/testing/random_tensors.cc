#include "runner/checkpoint/testing/random_tensors.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runner/checkpoint/awq.h"
#include "runner/checkpoint/packed_weight.h"
#include "runner/checkpoint/tensor_registry.h"

namespace forensics::runner {
namespace {

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

// Scales that make a unit input come out near unit size: a difference of two levels has a standard
// deviation of 6.5.
at::Tensor RandomScales(const LinearLayer& layer, int64_t groups, Random& random) {
  const double scale = 1 / (6.5 * std::sqrt(static_cast<double>(layer.in_features)));
  return RandomFloats({groups, layer.out_features}, scale, scale / 4, at::kHalf, random);
}

void AddAwqLayer(const std::string& name, const LinearLayer& layer, int64_t groups, Random& random,
                 TensorMap& tensors) {
  const AwqTensors packed = PackAwq(RandomLevels(layer.out_features, layer.in_features, random),
                                    RandomLevels(layer.out_features, groups, random));
  tensors[name + ".qweight"] = packed.qweight;
  tensors[name + ".qzeros"] = packed.qzeros;
  tensors[name + ".scales"] = RandomScales(layer, groups, random);
}

// Each input's group, in random order, as act-order leaves it.
at::Tensor RandomGroups(int64_t in, int64_t group_size, Random& random) {
  at::Tensor groups = at::empty({in}, at::TensorOptions().dtype(at::kInt));
  auto* data = groups.mutable_data_ptr<int32_t>();
  for (int64_t i = 0; i < in; ++i) {
    data[i] = static_cast<int32_t>(i / group_size);
    std::swap(data[i], data[random.Below(static_cast<int32_t>(i + 1))]);
  }
  return groups;
}

void AddGptqLayer(const std::string& name, const LinearLayer& layer, const QuantConfig& quant,
                  int64_t groups, Random& random, TensorMap& tensors) {
  const PackedGptq packed = PackGptq(RandomLevels(layer.out_features, layer.in_features, random),
                                     RandomLevels(layer.out_features, groups, random));
  tensors[name + ".qweight"] = packed.qweight;
  tensors[name + ".qzeros"] = packed.qzeros;
  tensors[name + ".scales"] = RandomScales(layer, groups, random);
  const int64_t group_size = quant.group_size == -1 ? layer.in_features : quant.group_size;
  tensors[name + ".g_idx"] = RandomGroups(layer.in_features, group_size, random);
}

at::Tensor RandomBytes(std::vector<int64_t> shape, Random& random) {
  at::Tensor bytes = at::empty(shape, at::TensorOptions().dtype(at::kByte));
  auto* data = bytes.mutable_data_ptr<uint8_t>();
  for (int64_t i = 0; i < bytes.numel(); ++i) data[i] = static_cast<uint8_t>(random.Below(256));
  return bytes;
}

void AddNf4Layer(const std::string& name, const LinearLayer& layer, Random& random,
                 TensorMap& tensors) {
  Nf4Layout layout = *layer.nf4;
  layout.out_features = layer.out_features;
  layout.in_features = layer.in_features;
  const double largest = 2 / std::sqrt(static_cast<double>(layer.in_features));
  const std::string weight = name + ".weight";
  tensors[weight] = RandomBytes({layout.bytes(), 1}, random);
  tensors[weight + ".absmax"] = RandomBytes({layout.blocks()}, random);
  tensors[weight + ".quant_map"] = Nf4Map();
  tensors[weight + ".nested_absmax"] =
      RandomFloats({layout.nested_blocks()}, largest, largest / 8, at::kFloat, random);
  tensors[weight + ".nested_quant_map"] =
      RandomFloats({kNf4NestedLevels}, 0, 0.3, at::kFloat, random);
  tensors[absl::StrCat(name, kNf4LayoutSuffix)] =
      Nf4State(layer.out_features, layer.in_features, largest);
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

ModelConfig TinyPackedConfig(Architecture architecture, QuantMethod method) {
  ModelConfig config = TinyConfig(architecture);
  config.hidden_size = 48;
  config.head_dim = 16;
  config.intermediate_size = 80;
  if (config.num_experts > 0) config.moe_intermediate_size = 32;
  config.torch_dtype = "float16";
  config.quant.method = method;
  config.quant.bits = 4;
  config.quant.group_size = method == QuantMethod::kBnbNf4 ? 64 : 16;
  if (method == QuantMethod::kAwq && config.num_experts > 0) {
    config.quant.modules_to_not_convert = {"mlp.gate"};
  }
  return config;
}

ModelConfig TinyAwqConfig(Architecture architecture) {
  return TinyPackedConfig(architecture, QuantMethod::kAwq);
}

TensorMap RandomTensors(const ModelConfig& config, uint64_t seed) {
  // What the list of modules leaves open is stored unpacked.
  const auto registry = BuildTensorRegistry(config, [](absl::string_view) { return false; });
  TensorMap tensors;
  if (!registry.ok()) return tensors;
  Random random(seed);
  for (const auto& [name, layer] : registry->linear_layers) {
    if (!layer.packed) continue;
    if (config.quant.method == QuantMethod::kBnbNf4) {
      AddNf4Layer(name, layer, random, tensors);
      continue;
    }
    const int64_t groups = registry->tensors.at(name + ".qzeros").shape[0];
    if (config.quant.method == QuantMethod::kAwq) {
      AddAwqLayer(name, layer, groups, random, tensors);
    } else {
      AddGptqLayer(name, layer, config.quant, groups, random, tensors);
    }
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

PackedGptq PackGptq(const at::Tensor& weight, const at::Tensor& zeros) {
  // Eight neighbours along the last dimension, the first in the lowest nibble.
  const auto pack = [](const at::Tensor& levels) {
    const at::Tensor source = levels.contiguous();
    const auto* values = source.const_data_ptr<int32_t>();
    at::Tensor packed = at::empty({source.size(0), source.size(1) / kNibblesPerWord},
                                  at::TensorOptions().dtype(at::kInt));
    auto* out = packed.mutable_data_ptr<int32_t>();
    for (int64_t i = 0; i < source.numel(); ++i) {
      const auto shifted = static_cast<uint32_t>(values[i]) << (4 * (i % kNibblesPerWord));
      const auto before =
          i % kNibblesPerWord == 0 ? 0 : static_cast<uint32_t>(out[i / kNibblesPerWord]);
      out[i / kNibblesPerWord] = static_cast<int32_t>(before | shifted);
    }
    return packed;
  };
  return {pack(weight).t().contiguous(), pack(zeros.t())};
}

at::Tensor Nf4Map() {
  at::Tensor map = at::empty({kLevels}, at::TensorOptions().dtype(at::kFloat));
  std::copy(kNf4Values.begin(), kNf4Values.end(), map.mutable_data_ptr<float>());
  return map;
}

at::Tensor Nf4State(int64_t out, int64_t in, double offset) {
  Nf4Layout layout;
  layout.out_features = out;
  layout.in_features = in;
  layout.nested.emplace();
  layout.nested->offset = static_cast<float>(offset);
  return BytesTensor(Nf4LayoutJson(layout));
}

at::Tensor BytesTensor(const std::string& bytes) {
  at::Tensor tensor =
      at::empty({static_cast<int64_t>(bytes.size())}, at::TensorOptions().dtype(at::kByte));
  std::copy(bytes.begin(), bytes.end(), tensor.mutable_data_ptr<uint8_t>());
  return tensor;
}

}  // namespace forensics::runner
