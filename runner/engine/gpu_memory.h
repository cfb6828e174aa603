// Whether a model fits a GPU, before its weights are read.
#ifndef RUNNER_ENGINE_GPU_MEMORY_H_
#define RUNNER_ENGINE_GPU_MEMORY_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runner/checkpoint/model_config.h"

namespace forensics::runner {

// What is to run; for one rank.
struct GpuWork {
  int64_t weight_file_bytes = 0;  // of the whole checkpoint
  int64_t parameters = 0;         // of the whole model
  bool bfloat16 = true;           // else float32
  int64_t ranks = 1;              // that share weights and cache evenly
  int64_t batch = 1;
  int64_t prompt_tokens = 0;  // of each sequence
  int64_t capacity = 0;       // positions of each sequence in the cache
};

// In bytes. Each is at least so much; the sum is exceeded by what libraries take for themselves.
struct GpuMemoryNeed {
  int64_t weights = 0;    // as stored where they are kept in 4 bits
  int64_t cache = 0;      // keys and values
  int64_t workspace = 0;  // activations of the prefill, decoded weights of one layer
  int64_t Total() const { return weights + cache + workspace; }
};

GpuMemoryNeed EstimateGpuMemory(const ModelConfig& config, const GpuWork& work);

struct GpuMemory {
  int64_t free_bytes = 0;
  int64_t total_bytes = 0;
};

// ResourceExhausted, with all figures, where `need` is more than what is free. `what` names the
// checkpoint.
absl::Status CheckFits(const std::string& what, const GpuMemoryNeed& need, const GpuMemory& memory);

// Of the GPU that StartCuda made current, with libtorch's context on it. What libtorch keeps of an
// earlier model's memory is given back first (libtorch 2.9 and later).
absl::StatusOr<GpuMemory> ReadGpuMemory();

// Bytes of the weight files (*.safetensors) in a checkpoint directory.
absl::StatusOr<int64_t> WeightFileBytes(const std::string& directory);

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_GPU_MEMORY_H_
