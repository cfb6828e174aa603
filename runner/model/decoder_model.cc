#include "runner/model/decoder_model.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/embedding.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runner/model/decode_step_support.h"
#include "runner/model/reference_ops.h"
#include "runner/ops/router.h"

namespace forensics::runner {
namespace {

void Show(Observer& observer, int layer, const at::Tensor& hidden, int64_t tokens,
          const KvCache& cache, const Routing& routing) {
  observer.OnHiddenStates(layer, hidden.view({cache.batch(), tokens, hidden.size(1)}));
  observer.OnKeys(layer, cache.NewKeys(layer, tokens));
  if (routing.experts.defined()) observer.OnExperts(layer, routing.experts, routing.weights);
}

// The last `keep` rows of each sequence: [batch * tokens, hidden] -> [batch * keep, hidden].
at::Tensor LastRows(const at::Tensor& hidden, int64_t batch, int64_t tokens, int64_t keep) {
  const int64_t width = hidden.size(1);
  return hidden.view({batch, tokens, width})
      .narrow(1, tokens - keep, keep)
      .reshape({batch * keep, width});
}

absl::Status CheckIds(const at::Tensor& token_ids, int64_t vocab) {
  const at::Tensor flat = token_ids.contiguous();
  const int64_t* ids = flat.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < flat.numel(); ++i) {
    if (ids[i] >= 0 && ids[i] < vocab) continue;
    return absl::InvalidArgumentError(absl::StrCat("token_ids[", i / flat.size(1), "][",
                                                   i % flat.size(1), "]: expected 0 to ", vocab - 1,
                                                   ", found ", ids[i]));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckOptions(const ModelConfig& config, const ModelOptions& options) {
  const at::ScalarType dtype = options.dtype;
  if (dtype != at::kFloat && dtype != at::kBFloat16 && dtype != at::kHalf) {
    return absl::InvalidArgumentError(
        absl::StrCat("dtype: expected float32, bfloat16 or float16, found ", c10::toString(dtype)));
  }
  const absl::StatusOr<AttentionImpl> attention =
      FindAttention(options.attention_impl, options.device.type());
  if (!attention.ok()) return attention.status();
  return CheckSharding(config, options.sharding);
}

bool MayDecodeByGraph(const ModelConfig& config, const ModelOptions& options, int64_t batch) {
  return options.device.is_cuda() && options.decode_graph && options.dtype == at::kBFloat16 &&
         options.sharding.IsWhole() && options.ops != nullptr && options.ops->KnowsDecodeStep() &&
         HasDecodeStep(config, batch) && DecodeStep::Supports(DecodeDimsOf(config), batch);
}

std::map<std::string, std::string> SettingsOf(const ModelConfig& config,
                                              const ModelOptions& options) {
  std::map<std::string, std::string> settings;
  if (options.ops != nullptr) settings = options.ops->Settings();
  settings["attention_kernel"] =
      std::string(FindAttention(options.attention_impl, options.device.type())->kernel);
  settings["linear_kernel"] = options.device.is_cuda() ? "libtorch; 4-bit and at most 8 rows: own"
                                                       : "rows=1: own, 16 lanes; rows>1: libtorch";
  if (options.device.is_cuda()) {
    const bool has_graph = MayDecodeByGraph(config, options, /*batch=*/1);
    settings["decode_graph"] = has_graph ? "yes" : "no";
    if (has_graph) settings["decode_kernels"] = DecodeStep::Variant();
  }
  if (!options.sharding.IsWhole()) settings["communicator"] = options.communicator->Description();
  return settings;
}

absl::StatusOr<std::unique_ptr<DecoderModel>> DecoderModel::Load(const Checkpoint& checkpoint,
                                                                 const ModelOptions& options,
                                                                 const LoadProgress& progress) {
  if (absl::Status status = CheckOptions(checkpoint.config(), options); !status.ok()) return status;
  const at::NoGradGuard no_grad;
  auto model = std::unique_ptr<DecoderModel>(new DecoderModel);
  model->config_ = checkpoint.config();
  model->options_ = options;
  if (options.ops == nullptr) {
    model->options_.ops = std::make_shared<ReferenceOps>(model->config_);
  }
  model->attention_ = FindAttention(options.attention_impl, options.device.type())->function;
  LoadContext context = {checkpoint, options.dtype, options.sharding, options.communicator,
                         options.device};
  if (options.device.is_cuda()) context.scratch = std::make_shared<DequantizeScratch>();
  absl::Status status = model->LoadLayers(context, progress);
  if (status.ok()) status = model->LoadEnds(context);
  if (!status.ok()) return status;
  return model;
}

absl::Status DecoderModel::LoadLayers(const LoadContext& context, const LoadProgress& progress) {
  const int64_t layers = config_.num_hidden_layers;
  for (int64_t layer = 0; layer < layers; ++layer) {
    absl::StatusOr<DecoderLayer> loaded = DecoderLayer::Load(context, layer, attention_);
    if (!loaded.ok()) return loaded.status();
    layers_.push_back(*std::move(loaded));
    if (progress) progress(layer + 1, layers);
  }
  return absl::OkStatus();
}

// Embedding, final norm and head.
absl::Status DecoderModel::LoadEnds(const LoadContext& context) {
  for (auto [name, weight] :
       {std::pair{"model.embed_tokens.weight", &embedding_}, {"model.norm.weight", &final_norm_}}) {
    const absl::StatusOr<at::Tensor> tensor = context.Tensor(name);
    if (!tensor.ok()) return tensor.status();
    *weight = *tensor;
  }
  const Range vocabulary = options_.sharding.Vocabulary(config_);
  if (config_.tie_word_embeddings) {
    head_.weight = embedding_.narrow(0, vocabulary.begin, vocabulary.size());
    return absl::OkStatus();
  }
  absl::StatusOr<Projection> head =
      Projection::Load(context, {{"lm_head", vocabulary}}, /*has_bias=*/false);
  if (!head.ok()) return head.status();
  head_ = *std::move(head);
  return absl::OkStatus();
}

absl::StatusOr<KvCache> DecoderModel::NewCache(int64_t batch, int64_t capacity) const {
  return KvCache::Create(config_, options_.sharding.KeyValueHeads(config_).size(), batch, capacity,
                         at::TensorOptions(options_.device).dtype(options_.dtype));
}

absl::Status DecoderModel::CheckInput(const at::Tensor& token_ids, int64_t logits_to_keep,
                                      const KvCache& cache) const {
  if (token_ids.dim() != 2 || token_ids.scalar_type() != at::kLong ||
      token_ids.size(0) != cache.batch() || token_ids.size(1) < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("token_ids: expected int64 [", cache.batch(), ", tokens], found ",
                     c10::toString(token_ids.scalar_type()), " of ", token_ids.dim(),
                     " dimensions and ", token_ids.numel(), " elements"));
  }
  const int64_t tokens = token_ids.size(1);
  if (logits_to_keep < 1 || logits_to_keep > tokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("logits_to_keep: expected 1 to ", tokens, ", found ", logits_to_keep));
  }
  if (absl::Status status = CheckIds(token_ids, config_.vocab_size); !status.ok()) return status;
  return cache.CheckRoom(tokens);
}

const at::Tensor& DecoderModel::NormAfter(int layer) const {
  return layer + 1 < config_.num_hidden_layers ? layers_[layer + 1].input_norm() : final_norm_;
}

at::Tensor DecoderModel::RunLayers(at::Tensor& hidden, const ForwardPass& pass,
                                   Observer* observer) const {
  at::Tensor x = pass.ops.RmsNorm(hidden, layers_[0].input_norm());
  for (int layer = 0; layer < config_.num_hidden_layers; ++layer) {
    const bool watched = observer != nullptr && observer->WantsLayer(layer);
    Routing routing;
    const at::Tensor added = layers_[layer].Forward(hidden, x, pass, watched ? &routing : nullptr);
    x = pass.ops.AddRmsNorm(hidden, added, NormAfter(layer));
    if (watched) Show(*observer, layer, hidden, pass.tokens, pass.cache, routing);
    if (watched && observer->ChangesHiddenStates(layer)) {
      x = pass.ops.RmsNorm(hidden, NormAfter(layer));
    }
    if (observer != nullptr) observer->AfterLayer(layer);
  }
  return x;
}

absl::StatusOr<at::Tensor> DecoderModel::Forward(const at::Tensor& token_ids,
                                                 int64_t logits_to_keep, KvCache& cache,
                                                 Observer* observer) const {
  if (absl::Status status = CheckInput(token_ids, logits_to_keep, cache); !status.ok()) {
    return status;
  }
  const at::NoGradGuard no_grad;
  const int64_t batch = token_ids.size(0), tokens = token_ids.size(1);
  const RotaryTable rotary = {cache.rotary().cos.narrow(0, cache.length(), tokens),
                              cache.rotary().sin.narrow(0, cache.length(), tokens)};
  at::Tensor hidden = at::embedding(embedding_, token_ids.flatten().to(options_.device));
  const at::Tensor x = RunLayers(hidden, {tokens, rotary, cache, *options_.ops}, observer);
  cache.Advance(tokens);
  return Logits(LastRows(x, batch, tokens, logits_to_keep))
      .view({batch, logits_to_keep, config_.vocab_size});
}

// [rows, hidden] -> [rows, vocab]: every rank's part, on every rank.
at::Tensor DecoderModel::Logits(const at::Tensor& normalised) const {
  const at::Tensor part = head_(normalised);
  if (options_.sharding.tp_size == 1) return part;
  return options_.communicator->GatherColumns(part, options_.sharding.VocabularySizes(config_));
}

std::unique_ptr<DecodeGraph> DecoderModel::NewDecodeGraph(const KvCache& cache) const {
  if (layers_.empty() || head_.tiles.has_value() ||
      !MayDecodeByGraph(config_, options_, cache.batch())) {
    return nullptr;
  }
  DecodeTensors tensors;
  tensors.dims = DecodeDimsOf(config_);
  tensors.eps = static_cast<float>(config_.rms_norm_eps);
  tensors.normalise = config_.norm_topk_prob;
  tensors.attention =
      options_.attention_impl == "eager" ? DecodeAttention::kEager : DecodeAttention::kFlash;
  tensors.embedding = embedding_;
  tensors.final_norm = final_norm_;
  tensors.lm_head = head_.weight;
  tensors.cos = cache.rotary().cos;
  tensors.sin = cache.rotary().sin;
  for (size_t layer = 0; layer < layers_.size(); ++layer) {
    DecodeLayerTensors& described = tensors.layers.emplace_back();
    if (!layers_[layer].DescribeDecode(described)) return nullptr;
    described.keys = cache.Keys(static_cast<int64_t>(layer));
    described.values = cache.Values(static_cast<int64_t>(layer));
  }
  return std::make_unique<DecodeGraph>(std::move(tensors), cache);
}

}  // namespace forensics::runner
