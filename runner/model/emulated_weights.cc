#include "runner/model/emulated_weights.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "runner/checkpoint/awq.h"
#include "runner/checkpoint/gptq.h"
#include "runner/checkpoint/nf4.h"
#include "runner/model/rotary_embedding.h"
#include "runner/ops/cuda/quantized_weight.h"
#include "runner/ops/cuda/tile_fit.h"

namespace forensics::runner {
namespace {

// A linear layer as its numbers before scaling and its scales: float32 [out, in] and [out, groups].
struct Unscaled {
  at::Tensor values;
  at::Tensor scales;
};

// Each: nothing where a GPU keeps the layer dense (runner/ops/cuda/tile_fit.h).

using MaybeUnscaled = absl::StatusOr<std::optional<Unscaled>>;

WeightPart WholeOf(int64_t rows, int64_t columns) { return {0, rows, 0, columns}; }

// scales [groups, out] for groups of a multiple of 128 columns -> [out, columns / 128].
at::Tensor ForEachGroup(const at::Tensor& scales, int64_t columns) {
  const int64_t repeats = columns / kGroupColumns / scales.size(0);
  return scales.to(at::kFloat).t().repeat_interleave(repeats, 1);
}

MaybeUnscaled UnscaledOf(const AwqLinear& linear) {
  const int64_t rows = linear.scales.size(1), columns = linear.qweight.size(0);
  if (!AwqFitsTiles(linear.qweight, linear.qzeros, linear.scales, WholeOf(rows, columns)).ok()) {
    return std::nullopt;
  }
  auto values = DecodeAwq(linear.qweight, linear.qzeros, at::ones_like(linear.scales), at::kFloat);
  if (!values.ok()) return values.status();
  return Unscaled{*values, ForEachGroup(linear.scales, columns)};
}

MaybeUnscaled UnscaledOf(const GptqLinear& linear) {
  GptqTensors unit = linear.tensors;
  const int64_t rows = unit.scales.size(1), columns = unit.g_idx.size(0);
  if (!GptqFitsTiles(unit, WholeOf(rows, columns)).ok()) return std::nullopt;
  unit.scales = at::ones_like(unit.scales);
  auto values = DecodeGptq(unit, linear.zero_offset, at::kFloat);
  if (!values.ok()) return values.status();
  return Unscaled{*values, ForEachGroup(linear.tensors.scales, columns)};
}

MaybeUnscaled UnscaledOf(const Nf4Linear& linear) {
  const Nf4Layout& layout = linear.layout;
  const WeightPart whole = WholeOf(layout.out_features, layout.in_features);
  if (!Nf4FitsTiles(linear.tensors, layout, {}, whole).ok()) return std::nullopt;
  // With magnitudes of one the levels are left, with levels of one the magnitudes.
  Nf4Tensors levels = linear.tensors, magnitudes = linear.tensors;
  Nf4Layout plain = layout;
  plain.nested.reset();
  levels.absmax = at::ones({layout.blocks()}, at::kFloat);
  magnitudes.quant_map = at::ones_like(levels.quant_map);
  auto values = DecodeNf4(levels, plain, at::kFloat);
  if (!values.ok()) return values.status();
  auto scales = DecodeNf4(magnitudes, layout, at::kFloat);
  if (!scales.ok()) return scales.status();
  return Unscaled{*values, scales->slice(1, 0, layout.in_features, kNf4Block)};
}

}  // namespace

absl::Status EmulatedWeights::Check(const ModelConfig& config) {
  const bool is_moe = std::all_of(config.is_moe_layer.begin(), config.is_moe_layer.end(),
                                  [](bool is_moe_layer) { return is_moe_layer; });
  if (!is_moe || config.num_experts == 0 || !config.qk_norm || config.attention_bias) {
    return absl::UnavailableError(
        absl::StrCat(config.architecture_name, ": only Qwen3-MoE models can be emulated"));
  }
  const FlashAttentionShape shape = {
      config.num_attention_heads, config.num_key_value_heads, 1, 1, config.head_dim, true};
  if (!PlanFlashAttention(shape, kH100TensorCore.multiprocessors).has_value()) {
    return absl::UnavailableError(
        absl::StrCat("head_dim ", config.head_dim, ": its attention cannot be emulated"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<EmulatedWeights>> EmulatedWeights::Load(
    const Checkpoint& checkpoint, const TensorCore& core, EmulatedAttention attention,
    const std::function<void(int64_t done, int64_t total)>& progress) {
  const ModelConfig& config = checkpoint.config();
  if (absl::Status status = Check(config); !status.ok()) return status;
  auto weights = std::unique_ptr<EmulatedWeights>(new EmulatedWeights);
  EmulatedDecodeModel& model = weights->model_;
  model.core = core;
  model.attention = attention;
  model.dims = {config.hidden_size,           config.num_attention_heads,
                config.num_key_value_heads,   config.head_dim,
                config.num_experts,           config.num_experts_per_tok,
                config.moe_intermediate_size, config.vocab_size};
  model.eps = static_cast<float>(config.rms_norm_eps);
  model.normalise = config.norm_topk_prob;
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    const absl::Status status = weights->LoadLayer(checkpoint, layer);
    if (!status.ok()) return status;
    if (progress) progress(layer + 1, config.num_hidden_layers);
  }
  if (absl::Status status = weights->LoadEnds(checkpoint); !status.ok()) return status;
  return weights;
}

bool EmulatedWeights::HasDecodeStep() const {
  return std::all_of(model_.layers.begin(), model_.layers.end(), [](const auto& layer) {
    const auto is_kept = [](const QuantizedMatrix* matrix) { return matrix != nullptr; };
    return is_kept(layer.qkv) && is_kept(layer.o_proj) &&
           std::all_of(layer.gate_up.begin(), layer.gate_up.end(), is_kept) &&
           std::all_of(layer.down.begin(), layer.down.end(), is_kept);
  });
}

void EmulatedWeights::ResetCache(int64_t batch, int64_t capacity) {
  const auto bits = [](at::Tensor& tensor) {
    return reinterpret_cast<uint16_t*>(tensor.mutable_data_ptr<at::BFloat16>());
  };
  const auto empty = [&] {
    return at::zeros({batch, model_.dims.kv_heads, capacity, model_.dims.head_dim}, at::kBFloat16);
  };
  keys_.clear();
  values_.clear();
  for (EmulatedDecodeLayer& layer : model_.layers) {
    layer.keys = bits(keys_.emplace_back(empty()));
    layer.values = bits(values_.emplace_back(empty()));
  }
  rotary_ = MakeRotaryTable(frequencies_, capacity, at::kBFloat16);
  model_.cos = rotary_.cos.const_data_ptr<float>();
  model_.sin = rotary_.sin.const_data_ptr<float>();
  model_.capacity = capacity;
}

absl::Status EmulatedWeights::LoadLayer(const Checkpoint& checkpoint, int64_t index) {
  const std::string prefix = absl::StrCat("model.layers.", index, ".");
  const std::string attention = prefix + "self_attn.";
  EmulatedDecodeLayer layer = {};
  EmulatedDenseLayer dense = {};
  for (auto [name, weight] : {std::pair{"input_layernorm.weight", &layer.input_norm},
                              {"self_attn.q_norm.weight", &layer.query_norm},
                              {"self_attn.k_norm.weight", &layer.key_norm},
                              {"post_attention_layernorm.weight", &layer.post_attention_norm}}) {
    const auto tensor = Tensor(checkpoint, prefix + name);
    if (!tensor.ok()) return tensor.status();
    *weight = *tensor;
  }
  const auto load = [&](const std::vector<std::string>& modules, const QuantizedMatrix** quantized,
                        const uint16_t** dense_weight) -> absl::Status {
    const auto matrix = Quantized(checkpoint, modules);
    if (!matrix.ok()) return matrix.status();
    const auto values = Dense(checkpoint, modules);
    if (!values.ok()) return values.status();
    *quantized = *matrix;
    *dense_weight = *values;
    return absl::OkStatus();
  };
  absl::Status status = load({attention + "q_proj", attention + "k_proj", attention + "v_proj"},
                             &layer.qkv, &dense.qkv);
  if (status.ok()) status = load({attention + "o_proj"}, &layer.o_proj, &dense.o_proj);
  if (!status.ok()) return status;
  const auto router = Dense(checkpoint, {prefix + "mlp.gate"});
  if (!router.ok()) return router.status();
  layer.router = *router;
  for (int64_t e = 0; e < model_.dims.experts; ++e) {
    const std::string expert = absl::StrCat(prefix, "mlp.experts.", e, ".");
    status = load({expert + "gate_proj", expert + "up_proj"}, &layer.gate_up.emplace_back(),
                  &dense.gate_up.emplace_back());
    if (status.ok()) {
      status = load({expert + "down_proj"}, &layer.down.emplace_back(), &dense.down.emplace_back());
    }
    if (!status.ok()) return status;
  }
  model_.layers.push_back(std::move(layer));
  dense_.push_back(std::move(dense));
  return absl::OkStatus();
}

absl::Status EmulatedWeights::LoadEnds(const Checkpoint& checkpoint) {
  const auto norm = Tensor(checkpoint, "model.norm.weight");
  if (!norm.ok()) return norm.status();
  const auto embedding = Tensor(checkpoint, "model.embed_tokens.weight");
  if (!embedding.ok()) return embedding.status();
  const auto head = Dense(checkpoint, {"lm_head"});
  if (!head.ok()) return head.status();
  model_.final_norm = *norm;
  model_.lm_head = *head;
  embedding_ = *embedding;
  frequencies_ = RotaryFrequencies(checkpoint.config());
  return absl::OkStatus();
}

std::vector<uint16_t> EmulatedWeights::Embed(const std::vector<int64_t>& ids) const {
  const int64_t hidden = model_.dims.hidden;
  std::vector<uint16_t> rows;
  for (const int64_t id : ids) {
    rows.insert(rows.end(), embedding_ + id * hidden, embedding_ + (id + 1) * hidden);
  }
  return rows;
}

const uint16_t* EmulatedWeights::Keep(const at::Tensor& tensor) {
  kept_.push_back(tensor.contiguous());
  return reinterpret_cast<const uint16_t*>(kept_.back().const_data_ptr<at::BFloat16>());
}

absl::StatusOr<const uint16_t*> EmulatedWeights::Tensor(const Checkpoint& checkpoint,
                                                        const std::string& name) {
  const absl::StatusOr<at::Tensor> tensor = checkpoint.Tensor(name, at::kBFloat16);
  if (!tensor.ok()) return tensor.status();
  return Keep(*tensor);
}

absl::StatusOr<const uint16_t*> EmulatedWeights::Dense(const Checkpoint& checkpoint,
                                                       const std::vector<std::string>& modules) {
  std::vector<at::Tensor> parts;
  for (const std::string& module : modules) {
    const absl::StatusOr<at::Tensor> part = checkpoint.LinearWeight(module, at::kBFloat16);
    if (!part.ok()) return part.status();
    parts.push_back(*part);
  }
  return Keep(at::cat(parts));
}

absl::StatusOr<const QuantizedMatrix*> EmulatedWeights::Quantized(
    const Checkpoint& checkpoint, const std::vector<std::string>& modules) {
  std::vector<at::Tensor> values, scales;
  for (const std::string& module : modules) {
    const auto packed = checkpoint.PackedWeight(module);
    if (!packed.ok()) return packed.status();
    if (!packed->has_value()) return nullptr;
    const auto unscaled =
        std::visit([](const auto& linear) { return UnscaledOf(linear); }, **packed);
    if (!unscaled.ok()) return unscaled.status();
    if (!unscaled->has_value()) return nullptr;
    values.push_back((*unscaled)->values);
    scales.push_back((*unscaled)->scales);
  }
  const at::Tensor all = at::cat(values).to(at::kBFloat16).contiguous();
  const at::Tensor factors = at::cat(scales).contiguous();
  const int64_t rows = all.size(0), columns = all.size(1);
  if (!FitsTiles(rows, columns)) return nullptr;
  const float* first = factors.const_data_ptr<float>();
  const bool is_nf4 = factors.size(1) == columns / kNf4Block;
  matrices_.emplace_back(model_.core, is_nf4 ? QuantizedFormat::kNf4 : QuantizedFormat::kInteger,
                         rows, columns,
                         reinterpret_cast<const uint16_t*>(all.const_data_ptr<at::BFloat16>()),
                         std::vector<float>(first, first + factors.numel()));
  return &matrices_.back();
}

}  // namespace forensics::runner
