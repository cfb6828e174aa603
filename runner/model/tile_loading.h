// 4-bit weights from a checkpoint's files into the GPU's memory, without decoding them.
#ifndef RUNNER_MODEL_TILE_LOADING_H_
#define RUNNER_MODEL_TILE_LOADING_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/model/load_context.h"
#include "runner/ops/cuda/quantized_weight.h"
#include "runner/parallel/range.h"

namespace forensics::runner {

// A part of the linear layer `module`.
struct ModulePart {
  std::string module;
  std::optional<Range> outputs;  // none: all
  std::optional<Range> inputs;   // none: all
};

// A stack of weights of one shape, such as a layer's experts; each is made of parts of layers, one
// below the other. None where the context keeps no 4-bit weights, a layer is not stored in 4 bits,
// or its packing does not fit tiles (runner/ops/cuda/tile_fit.h): it is then to be decoded. Errors
// are the checkpoint's; throws CudaError.
absl::StatusOr<std::optional<QuantizedWeight>> LoadTiles(
    const LoadContext& context, const std::vector<std::vector<ModulePart>>& stack);

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_TILE_LOADING_H_
