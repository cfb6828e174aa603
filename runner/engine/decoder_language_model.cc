#include "runner/engine/decoder_language_model.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

// Runs `function`, which returns a StatusOr or a Status, and turns what is thrown into an error.
template <typename Function>
std::invoke_result_t<Function> CatchTorch(const Function& function) {
  try {
    return function();
  } catch (const c10::Error& error) {
    return absl::InternalError(absl::StrCat("libtorch: ", error.what_without_backtrace()));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
}

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
  if (config.device() != "cpu") return unknown("device", config.device());
  if (config.compile()) return unknown("compile", "true");
  if (config.concurrent_work()) return unknown("concurrent_work", "true");
  if (config.cuda_version() != "default") return unknown("cuda_version", config.cuda_version());
  if (config.tp_size() != 1) return unknown("tp_size", absl::StrCat(config.tp_size()));
  if (config.ep_size() != 1) return unknown("ep_size", absl::StrCat(config.ep_size()));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<DecoderLanguageModel>> DecoderLanguageModel::Load(
    const Checkpoint& checkpoint, const schema::RunConfig& config,
    const DecoderModel::LoadProgress& progress) {
  if (absl::Status status = CheckAxes(config); !status.ok()) return status;
  absl::StatusOr<at::ScalarType> dtype = ToScalarType(config.dtype());
  if (!dtype.ok()) return dtype.status();
  const ModelOptions options = {*dtype, config.attention_impl()};
  auto model = CatchTorch([&] { return DecoderModel::Load(checkpoint, options, progress); });
  if (!model.ok()) return model.status();
  return std::unique_ptr<DecoderLanguageModel>(new DecoderLanguageModel(*std::move(model)));
}

absl::Status DecoderLanguageModel::Reset(int64_t batch, int64_t capacity) {
  cache_.reset();
  return CatchTorch([&]() -> absl::Status {
    absl::StatusOr<KvCache> cache = model_->NewCache(batch, capacity);
    if (!cache.ok()) return cache.status();
    cache_ = *std::move(cache);
    return absl::OkStatus();
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
    return model_->Forward(ids, logits_to_keep, *cache_, observer);
  });
}

}  // namespace forensics::runner
