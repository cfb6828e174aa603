// Which 4-bit modules of a checkpoint can be kept as tiles (quantized_weight.h). Asked before
// anything is copied to the GPU; the tensors are on the CPU, as published.
#ifndef RUNNER_OPS_CUDA_TILE_FIT_H_
#define RUNNER_OPS_CUDA_TILE_FIT_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "absl/status/status.h"
#include "runner/checkpoint/gptq.h"
#include "runner/checkpoint/model_config.h"
#include "runner/checkpoint/nf4.h"

namespace forensics::runner {

// Whether a config lets weights be kept so. What only the files show (an order of inputs, scales
// that float16 does not hold) the functions below find.
bool MayFitTiles(const QuantConfig& quant);

// What of a module's weight [out_features, in_features] is wanted.
struct WeightPart {
  int64_t first_row = 0, rows = 0;
  int64_t first_column = 0, columns = 0;
};

// Each: Unimplemented, saying why, where the part cannot be tiles; such a weight is kept dense.

// In all formats rows must be a multiple of 16, columns and the first column of 128; AWQ's first
// row of 8. Groups of AWQ and GPTQ must be multiples of 128 inputs, in order, and scales must be
// exact in float16: TileScales() then holds them.
absl::Status AwqFitsTiles(const at::Tensor& qweight, const at::Tensor& qzeros,
                          const at::Tensor& scales, const WeightPart& part);
absl::Status GptqFitsTiles(const GptqTensors& tensors, const WeightPart& part);

// Blocks must be multiples of 64 weights that no row's end cuts. `levels` [16] is the quant_map of
// the other modules of the same weight, which must be equal; undefined: there is none.
absl::Status Nf4FitsTiles(const Nf4Tensors& tensors, const Nf4Layout& layout,
                          const at::Tensor& levels, const WeightPart& part);

// The scales in float16: what the repacking kernels take.
at::Tensor TileScales(const at::Tensor& scales);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_TILE_FIT_H_
