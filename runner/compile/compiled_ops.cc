#include "runner/compile/compiled_ops.h"

#include <c10/util/Exception.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/version.h>

#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace forensics::runner {
namespace {

using torch::inductor::AOTIModelPackageLoader;

at::ScalarType ToScalarType(const std::string& dtype) {
  return dtype == "float32" ? at::kFloat : at::kBFloat16;
}

// What region `name` of the package says of itself, against what the index says of it.
absl::Status CheckMetadata(const std::unordered_map<std::string, std::string>& metadata,
                           const std::string& path, const std::string& name,
                           const PackageKey& key) {
  for (const auto& [field, expected] : {std::pair<const char*, std::string>{"region", name},
                                        {"dtype", key.dtype},
                                        {"dims", key.Dims()}}) {
    const auto found = metadata.find(field);
    if (found != metadata.end() && found->second == expected) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(path, ", region ", name, ": ", field, ": expected ", expected, ", found ",
                     found == metadata.end() ? "none" : found->second));
  }
  return absl::OkStatus();
}

}  // namespace

// One entry of a package. Its code trusts shapes, so that each call checks them first.
class CompiledOps::Region {
 public:
  Region(const std::string& path, const std::string& name)
      : name_(name), loader_(path, name, /*run_single_threaded=*/true) {}

  std::unordered_map<std::string, std::string> Metadata() { return loader_.get_metadata(); }

  std::vector<at::Tensor> Run(std::vector<at::Tensor> inputs) {
    return loader_.boxed_run(std::move(inputs));
  }

  // Contiguous, of `dtype`, and as wide as the code in the package is made for.
  void Expect(const at::Tensor& input, at::ScalarType dtype, int64_t width) const {
    TORCH_CHECK(input.scalar_type() == dtype && input.is_contiguous() && input.size(0) > 0 &&
                    input.size(-1) == width,
                "compiled region ", name_, ": expected contiguous ", c10::toString(dtype),
                " [rows, ", width, "], found ", c10::toString(input.scalar_type()), " ",
                input.sizes());
  }

 private:
  std::string name_;
  AOTIModelPackageLoader loader_;
};

CompiledOps::CompiledOps(PackageKey key, PackageEntry entry)
    : key_(std::move(key)), entry_(std::move(entry)) {}

CompiledOps::~CompiledOps() = default;

absl::StatusOr<std::unique_ptr<CompiledOps>> CompiledOps::Load(const std::string& folder,
                                                               const PackageKey& key) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
    return absl::FailedPreconditionError(
        "compiled packages are for CPUs with AVX2 and FMA, which this one lacks");
  }
  absl::StatusOr<PackageEntry> entry = FindPackage(folder, key, TORCH_VERSION);
  if (!entry.ok()) return entry.status();
  const std::string path = absl::StrCat(folder, "/", entry->file);
  auto ops = std::unique_ptr<CompiledOps>(new CompiledOps(key, *std::move(entry)));
  absl::Status status;
  const auto load = [&](const std::string& name) {
    auto region = std::make_unique<Region>(path, name);
    if (status.ok()) status = CheckMetadata(region->Metadata(), path, name, key);
    return region;
  };
  ops->norm_ = load("norm");
  ops->add_norm_ = load("add_norm");
  ops->split_heads_ = load("split_heads");
  if (key.experts > 0) ops->route_ = load("route");
  for (const int64_t width : key.widths) {
    ops->swiglu_[width] = load(absl::StrCat("swiglu_", width));
  }
  if (!status.ok()) return status;
  return ops;
}

at::Tensor CompiledOps::RmsNorm(const at::Tensor& x, const at::Tensor& weight) const {
  norm_->Expect(x, ToScalarType(key_.dtype), key_.hidden);
  return norm_->Run({x, weight})[0];
}

at::Tensor CompiledOps::AddRmsNorm(at::Tensor& residual, const at::Tensor& x,
                                   const at::Tensor& weight) const {
  const at::ScalarType dtype = ToScalarType(key_.dtype);
  add_norm_->Expect(x, dtype, key_.hidden);
  add_norm_->Expect(residual, dtype, key_.hidden);
  std::vector<at::Tensor> found = add_norm_->Run({residual, x, weight});
  residual = std::move(found[0]);
  return std::move(found[1]);
}

at::Tensor CompiledOps::SplitHeads(const at::Tensor& qkv, const HeadNorms& norms,
                                   const RotaryTable& table, at::Tensor& keys,
                                   at::Tensor& values) const {
  const int64_t batch = keys.size(0), tokens = keys.size(2);
  const int64_t width = (key_.heads + 2 * key_.kv_heads) * key_.head_dim;
  split_heads_->Expect(qkv, ToScalarType(key_.dtype), width);
  split_heads_->Expect(table.cos, at::kFloat, key_.head_dim / 2);
  std::vector<at::Tensor> inputs = {qkv.view({batch, tokens, width}), table.cos, table.sin};
  if (key_.qk_norm) inputs.insert(inputs.end(), {norms.query, norms.key});
  std::vector<at::Tensor> found = split_heads_->Run(std::move(inputs));
  keys.copy_(found[1]);
  values.copy_(found[2]);
  return std::move(found[0]);
}

Routing CompiledOps::RouteTokens(const at::Tensor& logits) const {
  TORCH_CHECK(route_ != nullptr, "the compiled package is for a model without experts");
  route_->Expect(logits, ToScalarType(key_.dtype), key_.experts);
  const std::vector<at::Tensor> found = route_->Run({logits});
  return {found[0], found[1].to(at::kFloat)};
}

at::Tensor CompiledOps::SwiGlu(const at::Tensor& gate_up) const {
  const auto region = swiglu_.find(gate_up.size(1) / 2);
  TORCH_CHECK(region != swiglu_.end(), "the compiled package has SwiGLU for ", key_.Dims(),
              ", not for width ", gate_up.size(1) / 2);
  region->second->Expect(gate_up, ToScalarType(key_.dtype), 2 * region->first);
  return region->second->Run({gate_up})[0];
}

std::map<std::string, std::string> CompiledOps::Settings() const {
  return {{"compiled_package", "sha256:" + entry_.sha256},
          {"compiled_by", absl::StrCat("AOTInductor of torch ", entry_.torch, ", AVX2")}};
}

}  // namespace forensics::runner
