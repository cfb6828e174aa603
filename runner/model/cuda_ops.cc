#include "runner/model/cuda_ops.h"

#include "runner/ops/cuda/fused_kernels.h"

namespace forensics::runner {

CudaOps::CudaOps(const ModelConfig& config)
    : eps_(config.rms_norm_eps),
      slots_(config.num_experts_per_tok),
      normalise_(config.norm_topk_prob) {}

at::Tensor CudaOps::RmsNorm(const at::Tensor& x, const at::Tensor& weight) const {
  return RmsNormCuda(x, weight, eps_);
}

at::Tensor CudaOps::AddRmsNorm(at::Tensor& residual, const at::Tensor& x,
                               const at::Tensor& weight) const {
  return AddRmsNormCuda(residual, x, weight, eps_);
}

at::Tensor CudaOps::SplitHeads(const at::Tensor& qkv, const HeadNorms& norms,
                               const RotaryTable& table, at::Tensor& keys,
                               at::Tensor& values) const {
  return SplitHeadsCuda(qkv, norms, table, keys, values);
}

Routing CudaOps::RouteTokens(const at::Tensor& logits) const {
  return RouteTokensCuda(logits, slots_, normalise_);
}

at::Tensor CudaOps::SwiGlu(const at::Tensor& gate_up) const { return SwiGluCuda(gate_up); }

}  // namespace forensics::runner
