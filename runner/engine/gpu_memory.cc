#include "runner/engine/gpu_memory.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "runner/cuda/driver.h"
#include "runner/cuda/memory.h"
#include "runner/engine/gibibytes.h"
#include "runner/engine/torch_errors.h"
#include "runner/ops/cuda/tile_fit.h"

namespace forensics::runner {
namespace {

// Elements that one token takes inside an MLP: gate and up, their product, the output; once for
// each of a token's experts.
int64_t MlpElements(const ModelConfig& config) {
  if (config.num_experts == 0) return 3 * config.intermediate_size + config.hidden_size;
  return config.num_experts_per_tok * (3 * config.moe_intermediate_size + 2 * config.hidden_size);
}

int64_t DecodedLayerElements(const ModelConfig& config) {
  const int64_t width = config.num_experts > 0 ? config.num_experts * config.moe_intermediate_size
                                               : config.intermediate_size;
  return 3 * config.hidden_size * width;
}

}  // namespace

GpuMemoryNeed EstimateGpuMemory(const ModelConfig& config, const GpuWork& work) {
  const int64_t element = work.bfloat16 ? 2 : 4;
  const bool is_packed = MayFitTiles(config.quant);
  GpuMemoryNeed need;
  need.weights = (is_packed ? work.weight_file_bytes : work.parameters * element) / work.ranks;
  const int64_t key_value_heads = std::max<int64_t>(1, config.num_key_value_heads / work.ranks);
  need.cache = 2 * config.num_hidden_layers * key_value_heads * config.head_dim * work.batch *
               work.capacity * element;
  const int64_t attention = 2 * config.num_attention_heads * config.head_dim;
  const int64_t token =
      2 * config.hidden_size + std::max(attention, MlpElements(config)) / work.ranks;
  need.workspace = work.batch * work.prompt_tokens * token * element;
  if (is_packed) {
    need.workspace += DecodedLayerElements(config) / work.ranks * element;
  }
  return need;
}

absl::Status CheckFits(const std::string& what, const GpuMemoryNeed& need,
                       const GpuMemory& memory) {
  if (need.Total() <= memory.free_bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(what, " does not fit the GPU: at least ", Gib(need.Total()),
                   " are needed (weights ", Gib(need.weights), ", key-value cache ",
                   Gib(need.cache), ", work space ", Gib(need.workspace), "), ",
                   Gib(memory.free_bytes), " of ", Gib(memory.total_bytes), " are free"));
}

absl::StatusOr<GpuMemory> ReadGpuMemory() {
  return CatchTorch([]() -> absl::StatusOr<GpuMemory> {
    at::empty({1}, at::kCUDA);  // makes the context that the driver's answer is about
    ReleaseCachedMemory();
    size_t free_bytes = 0, total_bytes = 0;
    CheckCuda(Cuda().cuMemGetInfo(&free_bytes, &total_bytes), "asking for free memory");
    return GpuMemory{static_cast<int64_t>(free_bytes), static_cast<int64_t>(total_bytes)};
  });
}

absl::StatusOr<int64_t> WeightFileBytes(const std::string& directory) {
  namespace fs = std::filesystem;
  int64_t bytes = 0;
  std::error_code error;
  for (fs::directory_iterator i(directory, error), end; !error && i != end; i.increment(error)) {
    if (i->path().extension() == ".safetensors") {
      bytes += static_cast<int64_t>(i->file_size(error));
    }
  }
  if (error) return absl::InternalError(absl::StrCat(directory, ": ", error.message()));
  return bytes;
}

}  // namespace forensics::runner
