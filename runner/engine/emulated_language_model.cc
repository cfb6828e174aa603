#include "runner/engine/emulated_language_model.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runner/ops/parallel.h"
#include "runner/ops/tensor_core/product_recipes.h"

namespace forensics::runner {
namespace {

constexpr int64_t kShortestPrompt = 9;  // fewer rows take the 4-bit products on the GPU

// Patterns [..., width] as a tensor of this shape.
at::Tensor AsTensor(const std::vector<uint16_t>& bits, at::IntArrayRef shape) {
  at::Tensor tensor = at::empty(shape, at::kBFloat16);
  std::memcpy(tensor.mutable_data_ptr(), bits.data(), bits.size() * sizeof(uint16_t));
  return tensor;
}

}  // namespace

absl::StatusOr<std::optional<TensorCore>> EmulatedGpu(const std::string& hardware) {
  if (!absl::StartsWith(hardware, kEmulatedPrefix)) return std::nullopt;
  for (const TensorCore& core : {kH100TensorCore, kH200TensorCore}) {
    if (hardware == absl::StrCat(kEmulatedPrefix, core.gpu)) return core;
  }
  return absl::NotFoundError(absl::StrCat("hardware '", hardware, "': expected ", kEmulatedPrefix,
                                          kH100TensorCore.gpu, " or ", kEmulatedPrefix,
                                          kH200TensorCore.gpu));
}

absl::StatusOr<std::unique_ptr<EmulatedLanguageModel>> EmulatedLanguageModel::Create(
    const Checkpoint& checkpoint, const schema::RunConfig& config, const TensorCore& core) {
  struct Axis {
    const char* name;
    std::string found, emulated;
  };
  for (const Axis& axis :
       {Axis{"dtype", config.dtype(), "bfloat16"}, Axis{"device", config.device(), "cpu"},
        Axis{"batch_size", absl::StrCat(config.batch_size()), "1"},
        Axis{"attention_impl", config.attention_impl(), "flash_attention_2"},
        Axis{"compile", config.compile() ? "true" : "false", "false"},
        Axis{"concurrent_work", config.concurrent_work() ? "true" : "false", "false"},
        Axis{"tp_size", absl::StrCat(config.tp_size()), "1"},
        Axis{"ep_size", absl::StrCat(config.ep_size()), "1"}}) {
    if (axis.found == axis.emulated) continue;
    return absl::UnavailableError(
        absl::StrCat(axis.name, " ", axis.found, " is not emulated, ", axis.emulated, " alone is"));
  }
  if (absl::Status status = EmulatedWeights::Check(checkpoint.config()); !status.ok()) {
    return status;
  }
  return std::unique_ptr<EmulatedLanguageModel>(new EmulatedLanguageModel(checkpoint, core));
}

absl::Status EmulatedLanguageModel::LoadWeights(const LoadProgress& progress) {
  auto weights = EmulatedWeights::Load(checkpoint_, core_, progress);
  if (!weights.ok()) return weights.status();
  weights_ = *std::move(weights);
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, std::string>> EmulatedLanguageModel::Settings() const {
  return std::map<std::string, std::string>{
      {"emulated_gpu", core_.gpu},
      {"emulated_kernels",
       "prefill: cuBLAS 13, libtorch 2.11's flash attention and _grouped_mm, own; decode: own "
       "step"},
      {"emulated_products", ProductRecipesDigest()},
  };
}

absl::Status EmulatedLanguageModel::Reset(int64_t batch, int64_t capacity) {
  if (weights_ == nullptr) return absl::FailedPreconditionError("Reset before LoadWeights");
  if (batch != 1) {
    return absl::UnavailableError(
        absl::StrCat("emulation computes one sequence, a batch of ", batch, " was asked for"));
  }
  weights_->ResetCache(capacity);
  length_ = 0;
  has_cache_ = true;
  return absl::OkStatus();
}

absl::StatusOr<at::Tensor> EmulatedLanguageModel::Forward(const TokenBatch& tokens,
                                                          int64_t logits_to_keep,
                                                          Observer* observer) {
  if (!has_cache_) return absl::FailedPreconditionError("Forward before Reset");
  const std::vector<int64_t>& ids = tokens[0];
  const int64_t count = static_cast<int64_t>(ids.size());
  const EmulatedDecodeModel& model = weights_->model();
  if (length_ + count > model.capacity) {
    return absl::OutOfRangeError(
        absl::StrCat("no room for ", count, " tokens after ", length_, " of ", model.capacity));
  }
  for (const int64_t id : ids) {
    if (id >= 0 && id < model.dims.vocab) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("token id: expected 0 to ", model.dims.vocab - 1, ", found ", id));
  }
  if (count == 1 && length_ > 0) return Decode(ids[0], observer);
  if (length_ > 0 || count < kShortestPrompt) {
    return absl::UnavailableError(absl::StrCat("emulation takes a prompt of at least ",
                                               kShortestPrompt, " tokens, then one at a time"));
  }
  return Prefill(ids, logits_to_keep, observer);
}

absl::StatusOr<at::Tensor> EmulatedLanguageModel::Prefill(const std::vector<int64_t>& ids,
                                                          int64_t logits_to_keep,
                                                          Observer* observer) {
  const int64_t count = static_cast<int64_t>(ids.size());
  const std::vector<uint16_t> logits = PrefillTwin(
      weights_->model(), weights_->dense(), weights_->Embed(ids).data(), count, logits_to_keep,
      [](int64_t items, int64_t grain, absl::FunctionRef<void(int64_t, int64_t)> f) {
        ParallelFor(items, grain, f);
      },
      [&](int64_t layer, const std::vector<uint16_t>& hidden_states) {
        Show(layer, hidden_states, count, observer);
      });
  length_ = count;
  return AsTensor(logits, {1, logits_to_keep, weights_->model().dims.vocab});
}

absl::StatusOr<at::Tensor> EmulatedLanguageModel::Decode(int64_t id, Observer* observer) {
  const EmulatedStep step =
      DecodeStepTwin(weights_->model(), weights_->Embed({id}).data(), length_);
  for (size_t layer = 0; layer < step.hidden_states.size(); ++layer) {
    Show(static_cast<int64_t>(layer), step.hidden_states[layer], 1, observer);
  }
  ++length_;
  return AsTensor(step.logits, {1, 1, weights_->model().dims.vocab});
}

// Of the `tokens` positions from length_ on.
void EmulatedLanguageModel::Show(int64_t layer, const std::vector<uint16_t>& hidden_states,
                                 int64_t tokens, Observer* observer) const {
  if (observer == nullptr) return;
  if (observer->WantsLayer(static_cast<int>(layer))) {
    observer->OnHiddenStates(static_cast<int>(layer),
                             AsTensor(hidden_states, {1, tokens, weights_->model().dims.hidden}));
    observer->OnKeys(static_cast<int>(layer), weights_->keys(layer).narrow(2, length_, tokens));
  }
  observer->AfterLayer(static_cast<int>(layer));
}

}  // namespace forensics::runner
