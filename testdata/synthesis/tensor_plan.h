// Every tensor of a synthetic checkpoint: what it is called, how it is stored, and its bytes.
#ifndef TESTDATA_SYNTHESIS_TENSOR_PLAN_H_
#define TESTDATA_SYNTHESIS_TENSOR_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/checkpoint/model_config.h"
#include "testdata/synthesis/fill.h"

namespace forensics::synthesis {

struct PlannedTensor {
  std::string name;   // as published
  std::string dtype;  // as a safetensors header names it
  std::vector<int64_t> shape;
  int64_t bytes = 0;
  int64_t item_bytes = 0;  // of an element
  Fill fill;
};

// All tensors of a checkpoint with this config, in the order of the model: embedding, layers, final
// norm, head. Unquantised ones are stored in config.torch_dtype, scales of AWQ and GPTQ in float16.
// NF4 is with double quantisation; it packs the router, as bitsandbytes does.
// Errors: a layer whose size its packing cannot divide.
absl::StatusOr<std::vector<PlannedTensor>> PlanTensors(const runner::ModelConfig& config,
                                                       uint64_t seed);

}  // namespace forensics::synthesis

#endif  // TESTDATA_SYNTHESIS_TENSOR_PLAN_H_
