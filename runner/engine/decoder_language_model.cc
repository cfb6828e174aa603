#include "runner/engine/decoder_language_model.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runner/compile/compiled_ops.h"
#include "runner/compile/package_key.h"
#include "runner/cuda/memory.h"
#include "runner/cuda/stream.h"
#include "runner/cuda/torch_library.h"
#include "runner/engine/machine.h"
#include "runner/engine/torch_errors.h"
#include "runner/model/cuda_ops.h"
#include "runner/model/decode_step_support.h"
#include "runner/model/reference_ops.h"

namespace forensics::runner {
namespace {

absl::StatusOr<at::ScalarType> ToScalarType(const std::string& dtype) {
  if (dtype == "float32") return at::kFloat;
  if (dtype == "bfloat16") return at::kBFloat16;
  return absl::InvalidArgumentError(
      absl::StrCat("dtype '", dtype, "': expected float32 or bfloat16"));
}

// The values of each axis that exist so far.
absl::Status CheckAxes(const schema::RunConfig& config) {
  const auto unknown = [](absl::string_view axis, absl::string_view value) {
    return absl::InvalidArgumentError(
        absl::StrCat(axis, " ", value, " is not available in this build of the runner"));
  };
  if (config.device() != "cpu" && config.device() != "cuda") {
    return unknown("device", config.device());
  }
  if (config.cuda_version() != "default" && config.cuda_version() != LibtorchCudaVersion()) {
    return unknown("cuda_version", config.cuda_version());
  }
  return absl::OkStatus();
}

// The axis `compile`.
absl::StatusOr<std::shared_ptr<const FusedOps>> MakeFusedOps(const ModelConfig& model,
                                                             const Sharding& sharding,
                                                             const schema::RunConfig& config,
                                                             const std::string& packages) {
  if (!config.compile() && config.device() == "cuda") {
    if (absl::Status status = CudaOps::Check(model); !status.ok()) return status;
    return std::make_shared<CudaOps>(model);
  }
  if (!config.compile()) return std::make_shared<ReferenceOps>(model);
  PackageKey key = PackageKey::Of(model, sharding, config.dtype());
  if (config.device() == "cuda") {
    const Gpu* gpu = StartedGpu();
    if (gpu == nullptr) return absl::FailedPreconditionError("no GPU has been started");
    key.device = PackageKey::CudaDevice(gpu->major, gpu->minor);
  }
  absl::StatusOr<std::unique_ptr<FusedOps>> compiled = LoadCompiledOps(packages, key);
  if (!compiled.ok()) return compiled.status();
  return std::shared_ptr<const FusedOps>(*std::move(compiled));
}

}  // namespace

absl::StatusOr<std::unique_ptr<DecoderLanguageModel>> DecoderLanguageModel::Create(
    const Checkpoint& checkpoint, const schema::RunConfig& config, const ModelChoices& choices,
    Communicator& ranks) {
  if (absl::Status status = CheckAxes(config); !status.ok()) return status;
  absl::StatusOr<at::ScalarType> dtype = ToScalarType(config.dtype());
  if (!dtype.ok()) return dtype.status();
  const Sharding sharding = {config.tp_size(), config.ep_size(), ranks.rank()};
  if (sharding.tp_size * sharding.ep_size != ranks.size()) {
    return absl::InternalError(absl::StrCat("tp_size ", sharding.tp_size, " and ep_size ",
                                            sharding.ep_size, " on ", ranks.size(), " ranks"));
  }
  auto ops = CatchTorch([&] {
    return MakeFusedOps(checkpoint.config(), sharding, config, choices.compiled_packages);
  });
  if (!ops.ok()) return ops.status();
  const at::Device device = config.device() == "cuda" ? at::kCUDA : at::kCPU;
  ModelOptions options = {*dtype, config.attention_impl(), *std::move(ops), sharding, &ranks,
                          device, choices.decode_graph};
  if (absl::Status status = CheckOptions(checkpoint.config(), options); !status.ok()) return status;
  return std::unique_ptr<DecoderLanguageModel>(
      new DecoderLanguageModel(checkpoint, std::move(options)));
}

absl::Status DecoderLanguageModel::LoadWeights(const LoadProgress& progress) {
  auto model = CatchTorch([&] { return DecoderModel::Load(checkpoint_, options_, progress); });
  if (!model.ok()) return model.status();
  model_ = *std::move(model);
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, std::string>> DecoderLanguageModel::Settings() const {
  return CatchTorch([&]() -> absl::StatusOr<std::map<std::string, std::string>> {
    return SettingsOf(checkpoint_.config(), options_);
  });
}

std::optional<schema::SignalPart> DecoderLanguageModel::Part() const {
  const Sharding& sharding = options_.sharding;
  if (sharding.tp_size == 1) return std::nullopt;
  const Range key = sharding.KeyElements(checkpoint_.config());
  const Range vocabulary = sharding.Vocabulary(checkpoint_.config());
  schema::SignalPart part;
  part.set_key_begin(key.begin);
  part.set_key_end(key.end);
  part.set_vocab_begin(vocabulary.begin);
  part.set_vocab_end(vocabulary.end);
  return part;
}

// Where the settings have promised a graph and the files do not allow it, the manifest would be
// wrong.
absl::Status DecoderLanguageModel::MakeGraph() {
  graph_ = model_->NewDecodeGraph(*cache_);
  if (graph_ != nullptr || !MayDecodeByGraph(checkpoint_.config(), options_, cache_->batch())) {
    return absl::OkStatus();
  }
  return NoDecodeStepError(checkpoint_.directory());
}

absl::Status DecoderLanguageModel::Reset(int64_t batch, int64_t capacity) {
  if (model_ == nullptr) return absl::FailedPreconditionError("Reset before LoadWeights");
  graph_.reset();
  cache_.reset();
  return CatchTorch([&]() -> absl::Status {
    if (OnGpu()) ReleaseCachedMemory();
    absl::StatusOr<KvCache> cache = model_->NewCache(batch, capacity);
    if (!cache.ok()) return cache.status();
    cache_ = *std::move(cache);
    return OnGpu() ? MakeGraph() : absl::OkStatus();
  });
}

absl::StatusOr<at::Tensor> DecoderLanguageModel::Forward(const TokenBatch& tokens,
                                                         int64_t logits_to_keep,
                                                         Observer* observer) {
  if (!cache_.has_value()) return absl::FailedPreconditionError("Forward before Reset");
  return CatchTorch([&]() -> absl::StatusOr<at::Tensor> {
    const int64_t count = static_cast<int64_t>(tokens[0].size());
    const at::Tensor ids = at::empty({static_cast<int64_t>(tokens.size()), count}, at::kLong);
    auto* out = ids.data_ptr<int64_t>();
    for (const std::vector<int64_t>& row : tokens) out = std::copy(row.begin(), row.end(), out);
    if (graph_ != nullptr && count == 1) return DecodeByGraph(ids, observer);
    absl::StatusOr<at::Tensor> logits = model_->Forward(ids, logits_to_keep, *cache_, observer);
    if (graph_ != nullptr) graph_->Prepare(observer);  // while the GPU computes
    if (OnGpu()) WaitForCurrentStream();
    return logits;
  });
}

absl::StatusOr<at::Tensor> DecoderLanguageModel::DecodeByGraph(const at::Tensor& ids,
                                                               Observer* observer) {
  if (absl::Status status = model_->CheckInput(ids, /*logits_to_keep=*/1, *cache_); !status.ok()) {
    return status;
  }
  const at::Tensor logits = graph_->Step(ids, *cache_, observer);
  cache_->Advance(1);
  return logits;
}

}  // namespace forensics::runner
