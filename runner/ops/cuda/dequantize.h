// 4-bit weights made dense for products of many rows, where libtorch's kernels are the fastest.
#ifndef RUNNER_OPS_CUDA_DEQUANTIZE_H_
#define RUNNER_OPS_CUDA_DEQUANTIZE_H_

#include <ATen/core/Tensor.h>

#include "runner/ops/cuda/quantized_weight.h"

namespace forensics::runner {

// GPU memory for one dense weight at a time: that of the largest so far, kept. A model has one for
// all its layers. Work on one stream is in order, so a weight may be overwritten as soon as the
// product that reads it is enqueued.
class DequantizeScratch {
 public:
  // Uninitialised; valid until the next call.
  at::Tensor Take(at::IntArrayRef shape, at::ScalarType dtype, at::Device device);

 private:
  at::Tensor memory_;  // uint8
};

// [count, rows, columns], or [rows, columns] where count is 1, of `dtype` (bfloat16 or float32), in
// `scratch`. The values are those of DecodeAwq, DecodeGptq and DecodeNf4 (runner/checkpoint), bit
// for bit. Throws c10::Error, CudaError.
at::Tensor Dequantize(const QuantizedWeight& weight, at::ScalarType dtype,
                      DequantizeScratch& scratch);

// The same of some weights of a stack, [indices, rows, columns]: `indices` int32 on the GPU;
// weights outside the stack are left as they are.
at::Tensor DequantizeChosen(const QuantizedWeight& weight, const at::Tensor& indices,
                            at::ScalarType dtype, DequantizeScratch& scratch);

// x [rows, columns] times the transpose of `weight` (count 1), plus bias [weight.rows] where
// defined -> [rows, weight.rows]; the dtype is x's. Few rows in bfloat16 take QuantizedGemv, which
// multiplies the integers and applies the scales to their sums; more take the dense weight and
// cuBLAS. Throws as Dequantize does.
at::Tensor QuantizedLinear(const at::Tensor& x, const QuantizedWeight& weight,
                           const at::Tensor& bias, DequantizeScratch& scratch);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_DEQUANTIZE_H_
