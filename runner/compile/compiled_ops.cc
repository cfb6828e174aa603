#include "runner/compile/compiled_ops.h"

#include <c10/util/Exception.h>
#include <link.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/version.h>

#include <filesystem>
#include <initializer_list>
#include <limits>
#include <map>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runner/compile/package_index.h"
#include "runner/ops/kernel_log.h"

namespace forensics::runner {
namespace {

using torch::inductor::AOTIModelPackageLoader;

at::ScalarType ToScalarType(const std::string& dtype) {
  return dtype == "float32" ? at::kFloat : at::kBFloat16;
}

// What region `name` of the package says of itself, against what the index says of it. libtorch
// itself notes the device, without its kind.
absl::Status CheckMetadata(const std::unordered_map<std::string, std::string>& metadata,
                           const std::string& path, const std::string& name,
                           const PackageKey& key) {
  for (const auto& [field, expected] : {std::pair<const char*, std::string>{"region", name},
                                        {"dtype", key.dtype},
                                        {"dims", key.Dims()},
                                        {"AOTI_DEVICE_KEY", key.IsForCpu() ? "cpu" : "cuda"}}) {
    const auto found = metadata.find(field);
    if (found != metadata.end() && found->second == expected) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(path, ", region ", name, ": ", field, ": expected ", expected, ", found ",
                     found == metadata.end() ? "none" : found->second));
  }
  return absl::OkStatus();
}

// Path of the library of region `name` that this process loaded last; "" if there is none.
std::string LoadedLibrary(const std::string& name) {
  struct Search {
    std::string folder, found;
  } search = {absl::StrCat("/data/aotinductor/", name, "/"), ""};
  const auto visit = [](dl_phdr_info* library, size_t, void* data) {
    auto* search = static_cast<Search*>(data);
    if (absl::StrContains(library->dlpi_name, search->folder)) search->found = library->dlpi_name;
    return 0;
  };
  dl_iterate_phdr(visit, &search);
  return search.found;
}

// libtorch's loader unpacks a region below /tmp/XXXXXX and only its destructor removes that, which
// a killed process never calls. What is loaded needs the files no more.
void RemoveUnpackedFiles(const std::string& name) {
  constexpr char kTemporary[] = "/tmp/";
  const std::string library = LoadedLibrary(name);
  if (!absl::StartsWith(library, kTemporary)) return;
  std::error_code ignored;  // the destructor tries again
  std::filesystem::remove_all(library.substr(0, library.find('/', sizeof(kTemporary) - 1)),
                              ignored);
}

// One entry of a package. Its code trusts shapes, so that each call checks them first.
class Region {
 public:
  // `kernel`, a literal, is its name in the kernel log. For a GPU the region's kernels are loaded
  // by their first calls, from the library's own memory; they run on the current stream.
  Region(const std::string& path, const std::string& name, const char* kernel,
         at::DeviceType device)
      : kernel_(kernel), device_(device), loader_(path, name, /*run_single_threaded=*/true) {
    RemoveUnpackedFiles(name);
  }

  std::unordered_map<std::string, std::string> Metadata() { return loader_.get_metadata(); }

  // The first input [..., width] has the rows; `operands` are for the kernel log.
  std::vector<at::Tensor> Run(std::vector<at::Tensor> inputs,
                              std::initializer_list<KernelOperand> operands) {
    RecordKernel(kernel_, operands, inputs[0].numel() / inputs[0].size(-1));
    return loader_.boxed_run(std::move(inputs));
  }

  // Contiguous, of `dtype`, on the device and as wide as the code in the package is made for.
  // Triton counts elements in 32 bits.
  void Expect(const at::Tensor& input, at::ScalarType dtype, int64_t width) const {
    TORCH_CHECK(input.device().type() == device_ && input.scalar_type() == dtype &&
                    input.is_contiguous() && input.size(0) > 0 && input.size(-1) == width,
                kernel_, ": expected contiguous ", c10::toString(dtype), " [rows, ", width,
                "] on the ", device_, ", found ", c10::toString(input.scalar_type()), " ",
                input.sizes(), " on the ", input.device().type());
    TORCH_CHECK(device_ == at::kCPU || input.numel() <= std::numeric_limits<int32_t>::max(),
                kernel_, ": expected fewer than 2^31 elements on a GPU, found ", input.sizes());
  }

 private:
  const char* kernel_;
  at::DeviceType device_;
  AOTIModelPackageLoader loader_;
};

class CompiledOps : public FusedOps {
 public:
  // See LoadCompiledOps.
  static absl::StatusOr<std::unique_ptr<FusedOps>> Load(const std::string& folder,
                                                        const PackageKey& key, PackageEntry entry);

  at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight) const override;
  at::Tensor AddRmsNorm(at::Tensor& residual, const at::Tensor& x,
                        const at::Tensor& weight) const override;
  at::Tensor SplitHeads(const at::Tensor& qkv, const HeadNorms& norms, const RotaryTable& table,
                        at::Tensor& keys, at::Tensor& values) const override;
  Routing RouteTokens(const at::Tensor& logits) const override;
  at::Tensor SwiGlu(const at::Tensor& gate_up) const override;
  std::map<std::string, std::string> Settings() const override;

 private:
  CompiledOps(PackageKey key, PackageEntry entry)
      : key_(std::move(key)), entry_(std::move(entry)) {}

  PackageKey key_;
  PackageEntry entry_;
  std::unique_ptr<Region> norm_, add_norm_, split_heads_, route_;
  std::map<int64_t, std::unique_ptr<Region>> swiglu_;  // by width
};

absl::StatusOr<std::unique_ptr<FusedOps>> CompiledOps::Load(const std::string& folder,
                                                            const PackageKey& key,
                                                            PackageEntry entry) {
  const std::string path = absl::StrCat(folder, "/", entry.file);
  auto ops = std::unique_ptr<CompiledOps>(new CompiledOps(key, std::move(entry)));
  absl::Status status;
  const auto load = [&](const std::string& name, const char* kernel) {
    auto region =
        std::make_unique<Region>(path, name, kernel, key.IsForCpu() ? at::kCPU : at::kCUDA);
    if (status.ok()) status = CheckMetadata(region->Metadata(), path, name, key);
    return region;
  };
  ops->norm_ = load("norm", "compiled/norm");
  ops->add_norm_ = load("add_norm", "compiled/add_norm");
  ops->split_heads_ = load("split_heads", "compiled/split_heads");
  if (key.experts > 0) ops->route_ = load("route", "compiled/route");
  for (const int64_t width : key.widths) {
    ops->swiglu_[width] = load(absl::StrCat("swiglu_", width), "compiled/swiglu");
  }
  if (!status.ok()) return status;
  return ops;
}

at::Tensor CompiledOps::RmsNorm(const at::Tensor& x, const at::Tensor& weight) const {
  norm_->Expect(x, ToScalarType(key_.dtype), key_.hidden);
  return norm_->Run({x, weight}, {{"width", key_.hidden}})[0];
}

at::Tensor CompiledOps::AddRmsNorm(at::Tensor& residual, const at::Tensor& x,
                                   const at::Tensor& weight) const {
  const at::ScalarType dtype = ToScalarType(key_.dtype);
  add_norm_->Expect(x, dtype, key_.hidden);
  add_norm_->Expect(residual, dtype, key_.hidden);
  std::vector<at::Tensor> found = add_norm_->Run({residual, x, weight}, {{"width", key_.hidden}});
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
  std::vector<at::Tensor> found = split_heads_->Run(
      std::move(inputs),
      {{"heads", key_.heads}, {"kv_heads", key_.kv_heads}, {"head_dim", key_.head_dim}});
  keys.copy_(found[1]);
  values.copy_(found[2]);
  return std::move(found[0]);
}

Routing CompiledOps::RouteTokens(const at::Tensor& logits) const {
  TORCH_CHECK(route_ != nullptr, "the compiled package is for a model without experts");
  route_->Expect(logits, ToScalarType(key_.dtype), key_.experts);
  const std::vector<at::Tensor> found =
      route_->Run({logits}, {{"experts", key_.experts}, {"slots", key_.slots}});
  return {found[0], found[1].to(at::kFloat)};
}

at::Tensor CompiledOps::SwiGlu(const at::Tensor& gate_up) const {
  const auto region = swiglu_.find(gate_up.size(1) / 2);
  TORCH_CHECK(region != swiglu_.end(), "the compiled package has SwiGLU for ", key_.Dims(),
              ", not for width ", gate_up.size(1) / 2);
  region->second->Expect(gate_up, ToScalarType(key_.dtype), 2 * region->first);
  return region->second->Run({gate_up}, {{"width", region->first}})[0];
}

std::map<std::string, std::string> CompiledOps::Settings() const {
  const std::string code_for =
      key_.IsForCpu() ? "AVX2" : absl::StrCat("Triton ", entry_.triton, ", ", key_.device);
  return {{"compiled_package", "sha256:" + entry_.sha256},
          {"compiled_by", absl::StrCat("AOTInductor of torch ", entry_.torch, ", ", code_for)}};
}

}  // namespace

absl::StatusOr<std::unique_ptr<FusedOps>> LoadCompiledOps(const std::string& folder,
                                                          const PackageKey& key) {
  if (key.IsForCpu() && (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))) {
    return absl::FailedPreconditionError(
        "compiled packages are for CPUs with AVX2 and FMA, which this one lacks");
  }
  absl::StatusOr<PackageEntry> entry = FindPackage(folder, key, TORCH_VERSION);
  if (!entry.ok()) return entry.status();
  return CompiledOps::Load(folder, key, *std::move(entry));
}

}  // namespace forensics::runner
