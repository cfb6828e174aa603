// FusedOps compiled ahead of time by TorchInductor: what torch.compile makes of a model's parts
// between products, attention and expert grouping, which stay what they are without compilation
// (to torch.compile they are calls of libraries, or breaks of the graph).
//
// A package's code is for AVX2 and FMA on every machine, and divides rows, never a sum, among
// threads: its bits depend on neither.
#ifndef RUNNER_COMPILE_COMPILED_OPS_H_
#define RUNNER_COMPILE_COMPILED_OPS_H_

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/compile/package_index.h"
#include "runner/compile/package_key.h"
#include "runner/model/fused_ops.h"

namespace torch::inductor {
class AOTIModelPackageLoader;
}

namespace forensics::runner {

class CompiledOps : public FusedOps {
 public:
  // Loads the package for `key` from `folder` (package_index.h, whose errors these are);
  // FailedPrecondition on a CPU without AVX2 and FMA, or if the package says that it holds another
  // model's code than its index says. libtorch's exceptions pass.
  static absl::StatusOr<std::unique_ptr<CompiledOps>> Load(const std::string& folder,
                                                           const PackageKey& key);
  ~CompiledOps() override;

  at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight) const override;
  at::Tensor AddRmsNorm(at::Tensor& residual, const at::Tensor& x,
                        const at::Tensor& weight) const override;
  at::Tensor SplitHeads(const at::Tensor& qkv, const HeadNorms& norms, const RotaryTable& table,
                        at::Tensor& keys, at::Tensor& values) const override;
  Routing RouteTokens(const at::Tensor& logits) const override;
  at::Tensor SwiGlu(const at::Tensor& gate_up) const override;

  // "compiled_package": the SHA-256; "compiled_by": "AOTInductor of torch 2.11.0, AVX2".
  std::map<std::string, std::string> Settings() const override;

 private:
  class Region;

  CompiledOps(PackageKey key, PackageEntry entry);

  PackageKey key_;
  PackageEntry entry_;
  std::unique_ptr<Region> norm_, add_norm_, split_heads_, route_;
  std::map<int64_t, std::unique_ptr<Region>> swiglu_;  // by width
};

}  // namespace forensics::runner

#endif  // RUNNER_COMPILE_COMPILED_OPS_H_
