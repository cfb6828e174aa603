#include "runner/model/cuda_ops.h"

#include "absl/strings/str_cat.h"
#include "runner/ops/cuda/fused_kernels.h"

namespace forensics::runner {

CudaOps::CudaOps(const ModelConfig& config)
    : eps_(config.rms_norm_eps),
      slots_(config.num_experts_per_tok),
      normalise_(config.norm_topk_prob) {}

absl::Status CudaOps::Check(const ModelConfig& config) {
  struct Limit {
    const char* field;
    int64_t value, most;
  };
  for (const Limit& limit : {Limit{"head_dim", config.head_dim, kMaxHeadDim},
                             Limit{"num_experts", config.num_experts, kMaxExperts},
                             Limit{"num_experts_per_tok", config.num_experts_per_tok, kMaxSlots}}) {
    if (limit.value <= limit.most) continue;
    return absl::UnimplementedError(absl::StrCat(limit.field, ": a GPU's kernels expect at most ",
                                                 limit.most, ", found ", limit.value));
  }
  return absl::OkStatus();
}

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
