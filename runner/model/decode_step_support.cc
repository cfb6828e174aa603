#include "runner/model/decode_step_support.h"

#include "absl/strings/str_cat.h"
#include "runner/ops/cuda/tile_fit.h"

namespace forensics::runner {
namespace {

// A step's results are told apart by seven bits of the layer (runner/ops/cuda/tagged.cuh).
constexpr int64_t kMostLayers = 126;

}  // namespace

DecodeDims DecodeDimsOf(const ModelConfig& config) {
  return {config.hidden_size,           config.num_attention_heads,
          config.num_key_value_heads,   config.head_dim,
          config.num_experts,           config.num_experts_per_tok,
          config.moe_intermediate_size, config.vocab_size};
}

bool HasDecodeStep(const ModelConfig& config, int64_t batch) {
  return MayFitTiles(config.quant) && config.num_hidden_layers <= kMostLayers &&
         DecodeStep::HasKernels(DecodeDimsOf(config), batch);
}

absl::Status NoDecodeStepError(const std::string& directory) {
  return absl::FailedPreconditionError(absl::StrCat(
      directory,
      ": its weights cannot all be kept in 4 bits (act-order, scales beyond float16, or layers "
      "that are stored unquantised), so there is no decode graph; run with --decode_graph=false"));
}

}  // namespace forensics::runner
