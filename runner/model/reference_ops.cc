#include "runner/model/reference_ops.h"

#include "runner/ops/rms_norm.h"
#include "runner/ops/swiglu.h"

namespace forensics::runner {

ReferenceOps::ReferenceOps(const ModelConfig& config)
    : eps_(config.rms_norm_eps),
      slots_(config.num_experts_per_tok),
      normalise_(config.norm_topk_prob) {}

at::Tensor ReferenceOps::RmsNorm(const at::Tensor& x, const at::Tensor& weight) const {
  return runner::RmsNorm(x, weight, eps_);
}

at::Tensor ReferenceOps::AddRmsNorm(at::Tensor& residual, const at::Tensor& x,
                                    const at::Tensor& weight) const {
  return runner::AddRmsNorm(residual, x, weight, eps_);
}

at::Tensor ReferenceOps::SplitHeads(const at::Tensor& qkv, const HeadNorms& norms,
                                    const RotaryTable& table, at::Tensor& keys,
                                    at::Tensor& values) const {
  return runner::SplitHeads(qkv, norms, table, keys, values);
}

Routing ReferenceOps::RouteTokens(const at::Tensor& logits) const {
  return runner::RouteTokens(logits, slots_, normalise_);
}

at::Tensor ReferenceOps::SwiGlu(const at::Tensor& gate_up) const { return runner::SwiGlu(gate_up); }

}  // namespace forensics::runner
