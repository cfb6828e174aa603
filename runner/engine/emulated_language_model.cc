#include "runner/engine/emulated_language_model.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runner/engine/emulation_memory.h"
#include "runner/engine/torch_errors.h"
#include "runner/model/decode_step_support.h"
#include "runner/ops/emulated/arithmetic.h"
#include "runner/ops/emulated/decode_step.h"
#include "runner/ops/emulated/forward_pass.h"
#include "runner/ops/parallel.h"
#include "runner/ops/tensor_core/product_recipes.h"

namespace forensics::runner {
namespace {

// Rows of logits that are wanted at once: a few of each sequence in a batch.
constexpr int64_t kMostLogitRows = 64;

// The model's products whose recipe is assumed, "n x k" each; "none".
std::string UnmeasuredProducts(const TensorCore& core, const ModelConfig& config) {
  const int64_t queries = config.num_attention_heads * config.head_dim;
  const int64_t keys = config.num_key_value_heads * config.head_dim;
  struct Product {
    int64_t n, k, most_rows;
  };
  std::vector<std::string> unmeasured;
  for (const auto& [n, k, most_rows] :
       {Product{queries + 2 * keys, config.hidden_size, kMostMeasuredRows},
        Product{config.hidden_size, queries, kMostMeasuredRows},
        Product{config.num_experts, config.hidden_size, kMostMeasuredRows},
        Product{config.vocab_size, config.hidden_size, kMostLogitRows}}) {
    if (IsMeasured(core, InputFormat::kBfloat16, {most_rows, n, k})) continue;
    unmeasured.push_back(absl::StrCat(n, " x ", k));
  }
  return unmeasured.empty() ? "none" : absl::StrJoin(unmeasured, ", ");
}

// Whether a label could be taken for an emulation's, however it is written.
bool LooksEmulated(const std::string& hardware) {
  std::string letters;
  for (const char c : hardware) {
    if (absl::ascii_isalnum(c)) letters.push_back(absl::ascii_tolower(c));
  }
  return absl::StartsWith(letters, "emulated");
}

void AppendTo(std::vector<uint16_t>& rows, const std::vector<uint16_t>& row) {
  rows.insert(rows.end(), row.begin(), row.end());
}

// Patterns [..., width] as a tensor of this shape.
at::Tensor AsTensor(const std::vector<uint16_t>& bits, at::IntArrayRef shape) {
  at::Tensor tensor = at::empty(shape, at::kBFloat16);
  std::memcpy(tensor.mutable_data_ptr(), bits.data(), bits.size() * sizeof(uint16_t));
  return tensor;
}

}  // namespace

std::string EmulatedGpus() {
  std::vector<std::string> labels;
  for (const TensorCore& core : kTensorCores) {
    if (core.has_bfloat16) labels.push_back(absl::StrCat(kEmulatedPrefix, core.gpu));
  }
  return absl::StrJoin(labels, ", ");
}

absl::StatusOr<std::optional<TensorCore>> EmulatedGpu(const std::string& hardware) {
  if (!LooksEmulated(hardware)) return std::nullopt;
  std::string reason;
  for (const TensorCore& core : kTensorCores) {
    if (hardware != absl::StrCat(kEmulatedPrefix, core.gpu)) continue;
    if (core.has_bfloat16) return core;
    reason = " (its tensor cores have no bfloat16, and float16 is not emulated)";
  }
  return absl::NotFoundError(
      absl::StrCat("hardware '", hardware, "': expected one of ", EmulatedGpus(), reason));
}

absl::StatusOr<std::unique_ptr<EmulatedLanguageModel>> EmulatedLanguageModel::Create(
    const Checkpoint& checkpoint, const schema::RunConfig& config, const TensorCore& core,
    bool decode_graph) {
  struct Axis {
    const char* name;
    std::string found, emulated;
  };
  for (const Axis& axis :
       {Axis{"dtype", config.dtype(), "bfloat16"}, Axis{"device", config.device(), "cpu"},
        Axis{"compile", config.compile() ? "true" : "false", "false"},
        Axis{"concurrent_work", config.concurrent_work() ? "true" : "false", "false"},
        Axis{"tp_size", absl::StrCat(config.tp_size()), "1"},
        Axis{"ep_size", absl::StrCat(config.ep_size()), "1"}}) {
    if (axis.found == axis.emulated) continue;
    return absl::UnavailableError(
        absl::StrCat(axis.name, " ", axis.found, " is not emulated, ", axis.emulated, " alone is"));
  }
  const bool is_eager = config.attention_impl() == "eager";
  if (!is_eager && config.attention_impl() != "flash_attention_2") {
    return absl::UnavailableError(
        absl::StrCat("attention_impl ", config.attention_impl(),
                     " is not emulated, flash_attention_2 and eager alone are"));
  }
  if (absl::Status status = EmulatedWeights::Check(checkpoint.config()); !status.ok()) {
    return status;
  }
  return std::unique_ptr<EmulatedLanguageModel>(new EmulatedLanguageModel(
      checkpoint, core, is_eager ? EmulatedAttention::kEager : EmulatedAttention::kFlash,
      decode_graph));
}

// As MayDecodeByGraph (runner/model/decoder_model.h) on the GPU itself.
bool EmulatedLanguageModel::DecodesByStep(int64_t batch) const {
  return decode_graph_ && core_.has_decode_step && HasDecodeStep(checkpoint_.config(), batch);
}

absl::Status EmulatedLanguageModel::CheckMemory(int64_t batch, int64_t prompt_tokens,
                                                int64_t capacity) const {
  const absl::StatusOr<int64_t> available = AvailableMemory();
  if (!available.ok()) return absl::OkStatus();  // where the kernel does not say, nobody can
  return CheckEmulationFits(
      checkpoint_.directory(),
      EstimateEmulationMemory(checkpoint_.config(), {batch, prompt_tokens, capacity}), *available);
}

absl::Status EmulatedLanguageModel::LoadWeights(const LoadProgress& progress) {
  auto weights =
      CatchTorch([&] { return EmulatedWeights::Load(checkpoint_, core_, attention_, progress); });
  if (!weights.ok()) return weights.status();
  if (DecodesByStep(1) && !(*weights)->HasDecodeStep()) {
    return NoDecodeStepError(checkpoint_.directory());
  }
  weights_ = *std::move(weights);
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, std::string>> EmulatedLanguageModel::Settings() const {
  return std::map<std::string, std::string>{
      {"emulated_gpu", core_.gpu},
      {"emulated_verified", std::string(core_.verified)},
      {"emulated_kernels",
       "cuBLAS 13, libtorch 2.11's flash attention, softmax, _grouped_mm and bmm, own"},
      {"emulated_arithmetic", ArithmeticDigest(core_)},
      {"emulated_products", ProductRecipesDigest(core_)},
      {"emulated_products_unmeasured", UnmeasuredProducts(core_, checkpoint_.config())},
      {"decode_graph", DecodesByStep(1) ? "yes" : "no"},
  };
}

absl::Status EmulatedLanguageModel::Reset(int64_t batch, int64_t capacity) {
  if (weights_ == nullptr) return absl::FailedPreconditionError("Reset before LoadWeights");
  batch_ = 0;
  length_ = 0;
  return CatchTorch([&] {
    weights_->ResetCache(batch, capacity);
    batch_ = batch;
    return absl::OkStatus();
  });
}

absl::Status EmulatedLanguageModel::CheckTokens(const TokenBatch& tokens,
                                                int64_t logits_to_keep) const {
  if (batch_ == 0) return absl::FailedPreconditionError("Forward before Reset");
  const int64_t count = static_cast<int64_t>(tokens[0].size());
  const EmulatedDecodeModel& model = weights_->model();
  if (static_cast<int64_t>(tokens.size()) != batch_) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected ", batch_, " sequences, found ", tokens.size()));
  }
  if (logits_to_keep < 1 || logits_to_keep > count) {
    return absl::InvalidArgumentError(
        absl::StrCat("logits_to_keep: expected 1 to ", count, ", found ", logits_to_keep));
  }
  if (length_ + count > model.capacity) {
    return absl::OutOfRangeError(
        absl::StrCat("no room for ", count, " tokens after ", length_, " of ", model.capacity));
  }
  for (const std::vector<int64_t>& sequence : tokens) {
    for (const int64_t id : sequence) {
      if (id >= 0 && id < model.dims.vocab) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("token id: expected 0 to ", model.dims.vocab - 1, ", found ", id));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<at::Tensor> EmulatedLanguageModel::Forward(const TokenBatch& tokens,
                                                          int64_t logits_to_keep,
                                                          Observer* observer) {
  if (absl::Status status = CheckTokens(tokens, logits_to_keep); !status.ok()) return status;
  const bool by_step = tokens[0].size() == 1 && DecodesByStep(batch_);
  absl::StatusOr<at::Tensor> logits = CatchTorch([&] {
    return by_step ? DecodeStep(tokens, observer) : ForwardPass(tokens, logits_to_keep, observer);
  });
  if (!logits.ok()) return logits.status();
  // Its products read the files up to now, not as they were loaded.
  if (absl::Status status = checkpoint_.CheckUnchanged(); !status.ok()) return status;
  length_ += static_cast<int64_t>(tokens[0].size());
  return logits;
}

absl::StatusOr<at::Tensor> EmulatedLanguageModel::ForwardPass(const TokenBatch& tokens,
                                                              int64_t logits_to_keep,
                                                              Observer* observer) {
  const int64_t count = static_cast<int64_t>(tokens[0].size());
  std::vector<uint16_t> embeddings;
  for (const std::vector<int64_t>& sequence : tokens) {
    AppendTo(embeddings, weights_->Embed(sequence));
  }
  const absl::StatusOr<std::vector<uint16_t>> logits = ForwardPassTwin(
      weights_->model(), embeddings.data(), {batch_, count, length_}, logits_to_keep, ParallelFor,
      [&](int64_t layer, const std::vector<uint16_t>& hidden_states) {
        Show(layer, hidden_states, count, observer);
      });
  if (!logits.ok()) return logits.status();
  return AsTensor(*logits, {batch_, logits_to_keep, weights_->model().dims.vocab});
}

absl::StatusOr<at::Tensor> EmulatedLanguageModel::DecodeStep(const TokenBatch& tokens,
                                                             Observer* observer) {
  const EmulatedDecodeModel& model = weights_->model();
  std::vector<std::vector<uint16_t>> hidden_states(model.layers.size());
  std::vector<uint16_t> logits;
  for (int64_t sequence = 0; sequence < batch_; ++sequence) {
    const std::vector<uint16_t> embedding = weights_->Embed(tokens[sequence]);
    const absl::StatusOr<EmulatedStep> step =
        DecodeStepTwin(model, embedding.data(), length_, sequence, ParallelFor);
    if (!step.ok()) return step.status();
    for (size_t i = 0; i < hidden_states.size(); ++i) {
      AppendTo(hidden_states[i], step->hidden_states[i]);
    }
    AppendTo(logits, step->logits);
  }
  for (size_t i = 0; i < hidden_states.size(); ++i) {
    Show(static_cast<int64_t>(i), hidden_states[i], 1, observer);
  }
  return AsTensor(logits, {batch_, 1, model.dims.vocab});
}

// hidden_states [batch, count, hidden], of the positions from length_ on.
void EmulatedLanguageModel::Show(int64_t layer, const std::vector<uint16_t>& hidden_states,
                                 int64_t count, Observer* observer) const {
  if (observer == nullptr) return;
  if (observer->WantsLayer(static_cast<int>(layer))) {
    observer->OnHiddenStates(
        static_cast<int>(layer),
        AsTensor(hidden_states, {batch_, count, weights_->model().dims.hidden}));
    observer->OnKeys(static_cast<int>(layer), weights_->keys(layer).narrow(2, length_, count));
  }
  observer->AfterLayer(static_cast<int>(layer));
}

}  // namespace forensics::runner
