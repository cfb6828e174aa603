// Published 4-bit modules to tiles (quantized_weight.h), on the GPU: one launch a module, nothing
// waits. A module becomes some rows of one weight of a stack: queries, keys and values one below
// the other, or gates and ups, of one expert after the other.
//
// The modules' tensors are on the GPU, as published but for TileScales(), two-dimensional ones with
// consecutive columns; what tile_fit.h says of them has been found to hold. Throw c10::Error where
// shapes do not fit, CudaError.
#ifndef RUNNER_OPS_CUDA_REPACK_H_
#define RUNNER_OPS_CUDA_REPACK_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "runner/checkpoint/gptq.h"
#include "runner/checkpoint/nf4.h"
#include "runner/ops/cuda/quantized_weight.h"
#include "runner/ops/cuda/tile_fit.h"

namespace forensics::runner {

// Uninitialised memory for `count` weights [rows, columns]; see FitsTiles.
QuantizedWeight EmptyInt4Weight(int64_t count, int64_t rows, int64_t columns, at::Device device);
QuantizedWeight EmptyNf4Weight(int64_t count, int64_t rows, int64_t columns, at::Device device);

// The rows first_row ... of weight `index` of a stack; first_row is a multiple of 16.
struct TileRows {
  QuantizedWeight& weight;
  int64_t index = 0;
  int64_t first_row = 0;
};

// Each writes part.rows rows, all of whose columns are the part's.
void RepackAwq(const at::Tensor& qweight, const at::Tensor& qzeros, const at::Tensor& scales,
               const WeightPart& part, const TileRows& to);
// g_idx is not read.
void RepackGptq(const GptqTensors& tensors, int zero_offset, const WeightPart& part,
                const TileRows& to);
// Sets the weight's levels, too. tensors.weight must lie at a multiple of 8 bytes.
void RepackNf4(const Nf4Tensors& tensors, const Nf4Layout& layout, const WeightPart& part,
               const TileRows& to);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_REPACK_H_
