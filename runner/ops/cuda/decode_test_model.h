// Random models on the GPU for tests and measurements of the decode step.
#ifndef RUNNER_OPS_CUDA_DECODE_TEST_MODEL_H_
#define RUNNER_OPS_CUDA_DECODE_TEST_MODEL_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "runner/ops/cuda/decode_step.h"

namespace forensics::runner {

DecodeDims Qwen3_30bDims();  // Qwen3-30B-A3B
DecodeDims MiniDims();       // testdata/mini_qwen3_moe

struct TestModelOptions {
  DecodeDims dims;
  int64_t layers = 1;
  bool nf4 = false;
  int64_t batch = 1;
  int64_t capacity = 640;
  int64_t position = 500;
  bool normalise = true;
  DecodeAttention attention = DecodeAttention::kFlash;
};

// Weights such that activations keep about the size of one; a cache of random rows before the
// position and NaN from there on; random token ids. Drawn from libtorch's generator.
DecodeTensors MakeTestModel(const TestModelOptions& options);

// `index` of a stack as the decode kernels see it: float64 [rows, columns] on the CPU. NF4's levels
// are rounded to bfloat16.
at::Tensor ExactWeight(const QuantizedWeight& weight, int64_t index);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_DECODE_TEST_MODEL_H_
