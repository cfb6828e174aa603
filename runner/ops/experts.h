// The sparse MLP: every token through the experts that the router chose, added up in slot order.
//
// Nothing is accumulated with atomics or in an order that depends on other tokens: a token's sum is
// taken in float32 over its slots, heaviest first, and rounded once. (Hugging Face adds into the
// compute dtype in ascending order of expert ids; the difference is one of rounding.)
#ifndef RUNNER_OPS_EXPERTS_H_
#define RUNNER_OPS_EXPERTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "runner/ops/router.h"

namespace forensics::runner {

// Weights of the experts of a layer, or of those that this rank holds; of one dtype, contiguous.
struct ExpertWeights {
  at::Tensor gate_up;  // [held, 2 * width, hidden], gates first
  at::Tensor down;     // [held, hidden, width]
  int64_t first = 0;   // id of the first expert held; the others follow it
};

// [rows, 2 * width], gates first -> [rows, width]; as SwiGlu in swiglu.h.
using SwiGluFunction = absl::FunctionRef<at::Tensor(const at::Tensor& gate_up)>;

// x [tokens, hidden] -> [tokens, hidden]: the sum over those of a token's slots whose expert is
// held. One token takes the fixed-lane products of Linear's one
// row; more are grouped by expert (a stable sort) and take one libtorch product an expert.
at::Tensor MixExperts(const at::Tensor& x, const Routing& routing, const ExpertWeights& weights,
                      SwiGluFunction swiglu);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EXPERTS_H_
