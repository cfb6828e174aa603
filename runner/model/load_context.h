// What every part of the decoder is loaded from and for.
#ifndef RUNNER_MODEL_LOAD_CONTEXT_H_
#define RUNNER_MODEL_LOAD_CONTEXT_H_

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/ops/cuda/dequantize.h"
#include "runner/parallel/communicator.h"
#include "runner/parallel/sharding.h"

namespace forensics::runner {

struct LoadContext {
  const Checkpoint& checkpoint;
  at::ScalarType dtype;        // of weights and activations
  Sharding sharding;           // the part that this rank holds
  Communicator* communicator;  // of the ranks that hold the others; outlives the model
  at::Device device = at::kCPU;
  // On a GPU, where 4-bit weights are dequantised when they are used; null: when they are loaded.
  std::shared_ptr<DequantizeScratch> scratch = nullptr;

  const ModelConfig& config() const { return checkpoint.config(); }
  // A tensor that is stored unquantised, where and as it is used.
  absl::StatusOr<at::Tensor> Tensor(std::string_view name) const {
    absl::StatusOr<at::Tensor> tensor = checkpoint.Tensor(name, dtype);
    if (!tensor.ok()) return tensor;
    return tensor->to(device);
  }
  // Whether every rank's products with a cut inner dimension are to be added up.
  bool IsTensorParallel() const { return sharding.tp_size > 1; }
  // A bias of such a product is added once.
  bool AddsOutputBias() const { return sharding.tp_size == 1 || sharding.rank == 0; }
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_LOAD_CONTEXT_H_
