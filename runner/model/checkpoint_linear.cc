#include "runner/model/checkpoint_linear.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>

#include <optional>
#include <variant>

#include "absl/strings/str_cat.h"
#include "runner/checkpoint/awq.h"
#include "runner/checkpoint/gptq.h"
#include "runner/checkpoint/nf4.h"
#include "runner/ops/cuda/quantized_weight.h"
#include "runner/ops/cuda/tile_fit.h"

namespace forensics::runner {
namespace {

// A linear layer as its numbers before scaling and its scales: bfloat16 [out, in], exact but for
// NF4's levels, and float32 [out, groups].
struct Unscaled {
  at::Tensor values;
  at::Tensor scales;
};

// Of a module's weight [out, in]; `fits`: whether a GPU keeps it in 4 bits, beside a part of the
// same stack that has these NF4 levels.
struct Shape {
  int64_t rows;
  int64_t columns;
  bool fits;
};

Shape ShapeOf(const AwqLinear& linear, const at::Tensor&) {
  const int64_t rows = linear.scales.size(1), columns = linear.qweight.size(0);
  const WeightPart whole = {0, rows, 0, columns};
  return {rows, columns, AwqFitsTiles(linear.qweight, linear.qzeros, linear.scales, whole).ok()};
}

Shape ShapeOf(const GptqLinear& linear, const at::Tensor&) {
  const int64_t rows = linear.tensors.scales.size(1), columns = linear.tensors.g_idx.size(0);
  return {rows, columns, GptqFitsTiles(linear.tensors, {0, rows, 0, columns}).ok()};
}

Shape ShapeOf(const Nf4Linear& linear, const at::Tensor& levels) {
  const int64_t rows = linear.layout.out_features, columns = linear.layout.in_features;
  return {rows, columns,
          Nf4FitsTiles(linear.tensors, linear.layout, levels, {0, rows, 0, columns}).ok()};
}

// scales [groups, out] for groups of a multiple of 128 columns -> [out, columns / 128].
at::Tensor ForEachGroup(const at::Tensor& scales, int64_t columns) {
  const int64_t repeats = columns / kGroupColumns / scales.size(0);
  return scales.to(at::kFloat).t().repeat_interleave(repeats, 1);
}

absl::StatusOr<Unscaled> UnscaledOf(const AwqLinear& linear) {
  auto values =
      DecodeAwq(linear.qweight, linear.qzeros, at::ones_like(linear.scales), at::kBFloat16);
  if (!values.ok()) return values.status();
  return Unscaled{*values, ForEachGroup(linear.scales, linear.qweight.size(0))};
}

absl::StatusOr<Unscaled> UnscaledOf(const GptqLinear& linear) {
  GptqTensors unit = linear.tensors;
  unit.scales = at::ones_like(unit.scales);
  auto values = DecodeGptq(unit, linear.zero_offset, at::kBFloat16);
  if (!values.ok()) return values.status();
  return Unscaled{*values, ForEachGroup(linear.tensors.scales, unit.g_idx.size(0))};
}

absl::StatusOr<Unscaled> UnscaledOf(const Nf4Linear& linear) {
  const Nf4Layout& layout = linear.layout;
  // With magnitudes of one the levels are left, with levels of one the magnitudes.
  Nf4Tensors levels = linear.tensors, magnitudes = linear.tensors;
  Nf4Layout plain = layout;
  plain.nested.reset();
  levels.absmax = at::ones({layout.blocks()}, at::kFloat);
  magnitudes.quant_map = at::ones_like(levels.quant_map);
  auto values = DecodeNf4(levels, plain, at::kBFloat16);
  if (!values.ok()) return values.status();
  auto scales = DecodeNf4(magnitudes, layout, at::kFloat);
  if (!scales.ok()) return scales.status();
  return Unscaled{*values, scales->slice(1, 0, layout.in_features, kNf4Block)};
}

// The bits of a bfloat16 tensor, which they keep.
std::shared_ptr<const uint16_t[]> PatternsOf(const at::Tensor& tensor) {
  const auto kept = std::make_shared<at::Tensor>(tensor.contiguous());
  return {kept, reinterpret_cast<const uint16_t*>(kept->const_data_ptr<at::BFloat16>())};
}

at::Tensor OneBelowTheOther(const std::vector<at::Tensor>& parts) {
  return parts.size() == 1 ? parts[0].contiguous() : at::cat(parts);
}

QuantizedFormat FormatOf(const AwqLinear&) { return QuantizedFormat::kInteger; }
QuantizedFormat FormatOf(const GptqLinear&) { return QuantizedFormat::kInteger; }
QuantizedFormat FormatOf(const Nf4Linear&) { return QuantizedFormat::kNf4; }

at::Tensor LevelsOf(const AwqLinear&) { return {}; }
at::Tensor LevelsOf(const GptqLinear&) { return {}; }
at::Tensor LevelsOf(const Nf4Linear& linear) { return linear.tensors.quant_map; }

// Whether a GPU keeps the modules, one below the other, in 4 bits. Looks at all of them, so that
// damage in any is found. `levels`: of the stack's first module, which this sets where it is that.
absl::StatusOr<bool> IsKeptIn4Bits(const Checkpoint& checkpoint,
                                   const std::vector<std::string>& modules,
                                   std::optional<at::Tensor>& levels) {
  bool fits = true;
  int64_t rows = 0, columns = 0;
  for (const std::string& module : modules) {
    const auto packed = checkpoint.PackedWeight(module);
    if (!packed.ok()) return packed.status();
    if (!packed->has_value()) {
      fits = false;
      continue;
    }
    if (!levels.has_value()) {
      levels = std::visit([](const auto& linear) { return LevelsOf(linear); }, **packed);
    }
    const Shape shape =
        std::visit([&](const auto& linear) { return ShapeOf(linear, *levels); }, **packed);
    fits = fits && shape.fits;
    rows += shape.rows;
    columns = shape.columns;
  }
  return fits && FitsTiles(rows, columns);
}

}  // namespace

absl::StatusOr<std::vector<CheckpointLinear>> CheckpointLinear::CreateStack(
    const Checkpoint& checkpoint, std::vector<std::vector<std::string>> stack) {
  bool is_quantized = true;
  std::optional<at::Tensor> levels;
  for (const std::vector<std::string>& modules : stack) {
    const absl::StatusOr<bool> fits = IsKeptIn4Bits(checkpoint, modules, levels);
    if (!fits.ok()) return fits.status();
    is_quantized = is_quantized && *fits;
  }
  std::vector<CheckpointLinear> linears;
  for (std::vector<std::string>& modules : stack) {
    linears.push_back(CheckpointLinear(checkpoint, std::move(modules), is_quantized));
  }
  return linears;
}

absl::StatusOr<CheckpointLinear> CheckpointLinear::Create(const Checkpoint& checkpoint,
                                                          std::vector<std::string> modules) {
  auto stack = CreateStack(checkpoint, {std::move(modules)});
  if (!stack.ok()) return stack.status();
  return std::move(stack->front());
}

absl::StatusOr<std::shared_ptr<const uint16_t[]>> CheckpointLinear::Dense() const {
  std::vector<at::Tensor> parts;
  for (const std::string& module : modules_) {
    const absl::StatusOr<at::Tensor> part = checkpoint_->LinearWeight(module, at::kBFloat16);
    if (!part.ok()) return part.status();
    parts.push_back(*part);
  }
  return PatternsOf(OneBelowTheOther(parts));
}

absl::StatusOr<QuantizedMatrix> CheckpointLinear::Quantized() const {
  std::vector<at::Tensor> values, scales;
  QuantizedFormat format = {};  // of all modules: a checkpoint has one
  for (const std::string& module : modules_) {
    const auto packed = checkpoint_->PackedWeight(module);
    if (!packed.ok()) return packed.status();
    if (!packed->has_value()) {
      return absl::FailedPreconditionError(absl::StrCat(module, ": is not stored quantised"));
    }
    const auto unscaled =
        std::visit([](const auto& linear) { return UnscaledOf(linear); }, **packed);
    if (!unscaled.ok()) return unscaled.status();
    format = std::visit([](const auto& linear) { return FormatOf(linear); }, **packed);
    values.push_back(unscaled->values);
    scales.push_back(unscaled->scales);
  }
  const at::Tensor all = OneBelowTheOther(values), factors = OneBelowTheOther(scales);
  const float* first = factors.const_data_ptr<float>();
  return QuantizedMatrix{format, all.size(0), all.size(1), PatternsOf(all),
                         std::vector<float>(first, first + factors.numel())};
}

}  // namespace forensics::runner
