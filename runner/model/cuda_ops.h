// FusedOps of tensors on a GPU: the project's own CUDA kernels, in Hugging Face's rounding order.
#ifndef RUNNER_MODEL_CUDA_OPS_H_
#define RUNNER_MODEL_CUDA_OPS_H_

#include "absl/status/status.h"
#include "runner/checkpoint/model_config.h"
#include "runner/model/fused_ops.h"

namespace forensics::runner {

// bfloat16 and float32. Results stay on the GPU; nothing waits for it.
class CudaOps : public FusedOps {
 public:
  explicit CudaOps(const ModelConfig& config);

  // Whether the kernels have room for such a model: Unimplemented, naming what is too large.
  static absl::Status Check(const ModelConfig& config);

  at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight) const override;
  at::Tensor AddRmsNorm(at::Tensor& residual, const at::Tensor& x,
                        const at::Tensor& weight) const override;
  at::Tensor SplitHeads(const at::Tensor& qkv, const HeadNorms& norms, const RotaryTable& table,
                        at::Tensor& keys, at::Tensor& values) const override;
  Routing RouteTokens(const at::Tensor& logits) const override;
  at::Tensor SwiGlu(const at::Tensor& gate_up) const override;
  bool KnowsDecodeStep() const override { return true; }
  std::map<std::string, std::string> Settings() const override { return {}; }

 private:
  double eps_;
  int64_t slots_;
  bool normalise_;
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_CUDA_OPS_H_
