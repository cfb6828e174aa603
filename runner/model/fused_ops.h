// The parts of a decoder between its products, its attention and its grouping of tokens by expert:
// what a compiler of whole models fuses. One table of implementations is the axis
// RunConfig.compile: ReferenceOps (reference_ops.h), or runner/compile/compiled_ops.h.
#ifndef RUNNER_MODEL_FUSED_OPS_H_
#define RUNNER_MODEL_FUSED_OPS_H_

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "runner/ops/rotary.h"
#include "runner/ops/router.h"

namespace forensics::runner {

// All tensors of a call are contiguous, but for a cache's, and of one dtype. An implementation
// belongs to one model, whose constants (epsilon, experts a token) it holds. Errors are thrown as
// libtorch throws its own.
class FusedOps {
 public:
  virtual ~FusedOps() = default;

  // x [rows, hidden], weight [hidden] -> [rows, hidden].
  virtual at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight) const = 0;

  // Replaces residual [rows, hidden] by residual + x [rows, hidden], rounded to their dtype, in
  // place or in new memory; returns the sum's norm [rows, hidden]. Within a layer, and across the
  // border to the next layer's input norm.
  virtual at::Tensor AddRmsNorm(at::Tensor& residual, const at::Tensor& x,
                                const at::Tensor& weight) const = 0;

  // See SplitHeads in runner/ops/rotary.h.
  virtual at::Tensor SplitHeads(const at::Tensor& qkv, const HeadNorms& norms,
                                const RotaryTable& table, at::Tensor& keys,
                                at::Tensor& values) const = 0;

  // logits [rows, experts]; see RouteTokens in runner/ops/router.h.
  virtual Routing RouteTokens(const at::Tensor& logits) const = 0;

  // gate_up [rows, 2 * width], gates first -> [rows, width].
  virtual at::Tensor SwiGlu(const at::Tensor& gate_up) const = 0;

  // Whether a decode step by our own kernels, which does all of this inside, computes the same: the
  // axis is not what is under test.
  virtual bool KnowsDecodeStep() const { return false; }

  // What of the implementation can change bits, for the manifest.
  virtual std::map<std::string, std::string> Settings() const = 0;
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_FUSED_OPS_H_
