#include "runner/model/emulated_weights.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runner/model/rotary_embedding.h"
#include "runner/ops/tensor_core/flash_attention_plan.h"

namespace forensics::runner {
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
  return std::all_of(linears_.begin(), linears_.end(),
                     [](const CheckpointLinear& linear) { return linear.IsQuantized(); });
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
  for (auto [name, weight] : {std::pair{"input_layernorm.weight", &layer.input_norm},
                              {"self_attn.q_norm.weight", &layer.query_norm},
                              {"self_attn.k_norm.weight", &layer.key_norm},
                              {"post_attention_layernorm.weight", &layer.post_attention_norm}}) {
    const auto tensor = Tensor(checkpoint, prefix + name);
    if (!tensor.ok()) return tensor.status();
    *weight = *tensor;
  }
  absl::Status status = AddLinear(
      checkpoint, {attention + "q_proj", attention + "k_proj", attention + "v_proj"}, layer.qkv);
  if (status.ok()) status = AddLinear(checkpoint, {attention + "o_proj"}, layer.o_proj);
  if (!status.ok()) return status;
  const auto router = Dense(checkpoint, prefix + "mlp.gate");
  if (!router.ok()) return router.status();
  layer.router = *router;
  std::vector<std::vector<std::string>> gate_up, down;
  for (int64_t e = 0; e < model_.dims.experts; ++e) {
    const std::string expert = absl::StrCat(prefix, "mlp.experts.", e, ".");
    gate_up.push_back({expert + "gate_proj", expert + "up_proj"});
    down.push_back({expert + "down_proj"});
  }
  status = AddStack(checkpoint, std::move(gate_up), layer.gate_up);
  if (status.ok()) status = AddStack(checkpoint, std::move(down), layer.down);
  if (!status.ok()) return status;
  model_.layers.push_back(std::move(layer));
  return absl::OkStatus();
}

absl::Status EmulatedWeights::LoadEnds(const Checkpoint& checkpoint) {
  const auto norm = Tensor(checkpoint, "model.norm.weight");
  if (!norm.ok()) return norm.status();
  const auto embedding = Tensor(checkpoint, "model.embed_tokens.weight");
  if (!embedding.ok()) return embedding.status();
  model_.final_norm = *norm;
  embedding_ = *embedding;
  model_.lm_head = embedding_;
  if (!checkpoint.config().tie_word_embeddings) {
    const auto head = Dense(checkpoint, "lm_head");
    if (!head.ok()) return head.status();
    model_.lm_head = *head;
  }
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
                                                       const std::string& module) {
  const absl::StatusOr<at::Tensor> weight = checkpoint.LinearWeight(module, at::kBFloat16);
  if (!weight.ok()) return weight.status();
  return Keep(*weight);
}

absl::Status EmulatedWeights::AddLinear(const Checkpoint& checkpoint,
                                        std::vector<std::string> modules,
                                        const LinearWeight*& linear) {
  auto created = CheckpointLinear::Create(checkpoint, std::move(modules));
  if (!created.ok()) return created.status();
  linear = &linears_.emplace_back(*std::move(created));
  return absl::OkStatus();
}

absl::Status EmulatedWeights::AddStack(const Checkpoint& checkpoint,
                                       std::vector<std::vector<std::string>> stack,
                                       std::vector<const LinearWeight*>& linears) {
  auto created = CheckpointLinear::CreateStack(checkpoint, std::move(stack));
  if (!created.ok()) return created.status();
  for (CheckpointLinear& linear : *created) {
    linears.push_back(&linears_.emplace_back(std::move(linear)));
  }
  return absl::OkStatus();
}

}  // namespace forensics::runner
