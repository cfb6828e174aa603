// The sparse MLP on a GPU: what experts.h is on the CPU.
//
// Few tokens take the weights of the experts that they chose, one copy a (token, slot) pair, and a
// batched product. Many are grouped by expert (a stable sort) and take one grouped product for all
// experts: at::_grouped_mm in bfloat16 where this libtorch has it (2.8) and rows are whole 16-byte
// units, else one product an expert, for which the host waits for the groups' sizes. A token's sum
// is taken in float32 over its slots, heaviest first, and rounded once; nothing is accumulated with
// atomics.
#ifndef RUNNER_OPS_CUDA_GROUPED_EXPERTS_H_
#define RUNNER_OPS_CUDA_GROUPED_EXPERTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "runner/ops/cuda/dequantize.h"
#include "runner/ops/cuda/quantized_weight.h"
#include "runner/ops/experts.h"
#include "runner/ops/router.h"

namespace forensics::runner {

// ExpertWeights in 4 bits.
struct QuantizedExperts {
  QuantizedWeight gate_up;  // of the experts held, [2 * width, hidden] each, gates first
  QuantizedWeight down;     // [hidden, width] each
  int64_t first = 0;        // id of the first expert held; the others follow it
};

// x [tokens, hidden], bfloat16 or float32, `routing` on the GPU -> [tokens, hidden]: the sum over
// those of a token's slots whose expert is held. Throws c10::Error, CudaError.
at::Tensor MixExpertsCuda(const at::Tensor& x, const Routing& routing, const ExpertWeights& experts,
                          SwiGluFunction swiglu);

// The same; the weights are made dense first, gate_up and down in turn.
at::Tensor MixExpertsCuda(const at::Tensor& x, const Routing& routing,
                          const QuantizedExperts& experts, DequantizeScratch& scratch,
                          SwiGluFunction swiglu);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_GROUPED_EXPERTS_H_
