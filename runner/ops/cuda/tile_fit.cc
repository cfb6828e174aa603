#include "runner/ops/cuda/tile_fit.h"

#include <ATen/ops/equal.h>

#include "absl/strings/str_cat.h"
#include "runner/ops/cuda/quantized_weight.h"

namespace forensics::runner {
namespace {

template <typename... Parts>
absl::Status NoTiles(const Parts&... why) {
  return absl::UnimplementedError(absl::StrCat("cannot be kept in tiles: ", why...));
}

absl::Status CheckPart(const WeightPart& part) {
  if (!FitsTiles(part.rows, part.columns)) {
    return NoTiles("expected multiples of ", kTileRows, " rows and ", kScaleGroup,
                   " columns, found ", part.rows, " and ", part.columns);
  }
  if (part.first_column % kScaleGroup != 0) {
    return NoTiles("expected a first column that is a multiple of ", kScaleGroup, ", found ",
                   part.first_column);
  }
  return absl::OkStatus();
}

absl::Status CheckGroups(int64_t inputs, int64_t groups) {
  if (groups > 0 && inputs % groups == 0 && inputs / groups % kScaleGroup == 0) {
    return absl::OkStatus();
  }
  return NoTiles("expected groups of a multiple of ", kScaleGroup, " inputs, found ", inputs,
                 " inputs in ", groups, " groups");
}

absl::Status CheckScales(const at::Tensor& scales) {
  if (scales.scalar_type() == at::kHalf ||
      at::equal(TileScales(scales).to(scales.scalar_type()), scales)) {
    return absl::OkStatus();
  }
  return NoTiles("a ", c10::toString(scales.scalar_type()), " scale is not exact in float16");
}

// Whether input i belongs to group i / `size`.
bool IsInOrder(const at::Tensor& g_idx, int64_t size) {
  const int32_t* group = g_idx.const_data_ptr<int32_t>();
  for (int64_t i = 0; i < g_idx.numel(); ++i) {
    if (group[i] != i / size) return false;
  }
  return true;
}

}  // namespace

bool MayFitTiles(const QuantConfig& quant) {
  if (quant.method == QuantMethod::kNone) return false;
  return quant.method == QuantMethod::kBnbNf4 || quant.group_size == -1 ||
         quant.group_size % kScaleGroup == 0;
}

at::Tensor TileScales(const at::Tensor& scales) { return scales.to(at::kHalf); }

absl::Status AwqFitsTiles(const at::Tensor& qweight, const at::Tensor& qzeros,
                          const at::Tensor& scales, const WeightPart& part) {
  absl::Status status = CheckPart(part);
  if (status.ok() && part.first_row % 8 != 0) {
    status = NoTiles("expected a first row that is a multiple of 8, found ", part.first_row);
  }
  if (status.ok()) status = CheckGroups(qweight.size(0), qzeros.size(0));
  if (status.ok()) status = CheckScales(scales);
  return status;
}

absl::Status GptqFitsTiles(const GptqTensors& tensors, const WeightPart& part) {
  const int64_t inputs = tensors.g_idx.numel(), groups = tensors.qzeros.size(0);
  absl::Status status = CheckPart(part);
  if (status.ok()) status = CheckGroups(inputs, groups);
  if (status.ok()) status = CheckScales(tensors.scales);
  if (status.ok() && !IsInOrder(tensors.g_idx, inputs / groups)) {
    status = NoTiles("the inputs' groups (g_idx) are not in order");
  }
  return status;
}

absl::Status Nf4FitsTiles(const Nf4Tensors& tensors, const Nf4Layout& layout,
                          const at::Tensor& levels, const WeightPart& part) {
  absl::Status status = CheckPart(part);
  if (!status.ok()) return status;
  if (layout.block_size % kNf4Block != 0 || layout.in_features % kNf4Block != 0) {
    return NoTiles("expected blocks and rows of multiples of ", kNf4Block, " weights, found ",
                   layout.block_size, " and ", layout.in_features);
  }
  if (levels.defined() && !at::equal(levels, tensors.quant_map)) {
    return NoTiles("its quant_map differs from that of another part of the same weight");
  }
  return absl::OkStatus();
}

}  // namespace forensics::runner
