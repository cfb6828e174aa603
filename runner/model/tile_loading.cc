#include "runner/model/tile_loading.h"

#include <utility>
#include <variant>

#include "runner/ops/cuda/repack.h"
#include "runner/ops/cuda/tile_fit.h"

namespace forensics::runner {
namespace {

at::Tensor Upload(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.to(at::kCUDA) : tensor;
}

// What can be done with each packing, by its type.

Range OutputsOf(const AwqLinear& linear) { return {0, linear.scales.size(1)}; }
Range OutputsOf(const GptqLinear& linear) { return {0, linear.tensors.scales.size(1)}; }
Range OutputsOf(const Nf4Linear& linear) { return {0, linear.layout.out_features}; }

Range InputsOf(const AwqLinear& linear) { return {0, linear.qweight.size(0)}; }
Range InputsOf(const GptqLinear& linear) { return {0, linear.tensors.g_idx.size(0)}; }
Range InputsOf(const Nf4Linear& linear) { return {0, linear.layout.in_features}; }

at::Tensor LevelsOf(const AwqLinear&) { return {}; }
at::Tensor LevelsOf(const GptqLinear&) { return {}; }
at::Tensor LevelsOf(const Nf4Linear& linear) { return linear.tensors.quant_map; }

// `levels`: LevelsOf another part of the same stack.
bool Fits(const AwqLinear& linear, const WeightPart& part, const at::Tensor&) {
  return AwqFitsTiles(linear.qweight, linear.qzeros, linear.scales, part).ok();
}
bool Fits(const GptqLinear& linear, const WeightPart& part, const at::Tensor&) {
  return GptqFitsTiles(linear.tensors, part).ok();
}
bool Fits(const Nf4Linear& linear, const WeightPart& part, const at::Tensor& levels) {
  return Nf4FitsTiles(linear.tensors, linear.layout, levels, part).ok();
}

QuantizedWeight Empty(const AwqLinear&, int64_t count, int64_t rows, int64_t columns) {
  return EmptyInt4Weight(count, rows, columns, at::kCUDA);
}
QuantizedWeight Empty(const GptqLinear&, int64_t count, int64_t rows, int64_t columns) {
  return EmptyInt4Weight(count, rows, columns, at::kCUDA);
}
QuantizedWeight Empty(const Nf4Linear&, int64_t count, int64_t rows, int64_t columns) {
  return EmptyNf4Weight(count, rows, columns, at::kCUDA);
}

void Repack(const AwqLinear& linear, const WeightPart& part, const TileRows& to) {
  RepackAwq(Upload(linear.qweight), Upload(linear.qzeros), Upload(TileScales(linear.scales)), part,
            to);
}
void Repack(const GptqLinear& linear, const WeightPart& part, const TileRows& to) {
  const GptqTensors& stored = linear.tensors;
  RepackGptq({Upload(stored.qweight), Upload(stored.qzeros), Upload(TileScales(stored.scales)), {}},
             linear.zero_offset, part, to);
}
void Repack(const Nf4Linear& linear, const WeightPart& part, const TileRows& to) {
  const Nf4Tensors& stored = linear.tensors;
  RepackNf4({Upload(stored.weight), Upload(stored.absmax), Upload(stored.quant_map),
             Upload(stored.nested_absmax), Upload(stored.nested_quant_map)},
            linear.layout, part, to);
}

WeightPart PartOf(const PackedLinear& linear, const ModulePart& wanted) {
  return std::visit(
      [&](const auto& packed) -> WeightPart {
        const Range rows = wanted.outputs.value_or(OutputsOf(packed));
        const Range columns = wanted.inputs.value_or(InputsOf(packed));
        return {rows.begin, rows.size(), columns.begin, columns.size()};
      },
      linear);
}

// A layer's tensors, and what of them is wanted.
struct Source {
  PackedLinear linear;
  WeightPart part;
};

// Those of one weight of the stack; empty where one is not stored in 4 bits.
absl::StatusOr<std::vector<Source>> ReadSources(const Checkpoint& checkpoint,
                                                const std::vector<ModulePart>& parts) {
  std::vector<Source> sources;
  for (const ModulePart& part : parts) {
    auto linear = checkpoint.PackedWeight(part.module);
    if (!linear.ok()) return linear.status();
    if (!linear->has_value()) return std::vector<Source>();
    const WeightPart range = PartOf(**linear, part);
    sources.push_back({**std::move(linear), range});
  }
  return sources;
}

int64_t RowsOf(const std::vector<Source>& sources) {
  int64_t rows = 0;
  for (const Source& source : sources) rows += source.part.rows;
  return rows;
}

// Fills weight `index` of the stack; false where a source does not fit tiles.
bool Fill(const std::vector<Source>& sources, int64_t index, const at::Tensor& levels,
          QuantizedWeight& weight) {
  int64_t row = 0;
  for (const Source& source : sources) {
    const bool fits = std::visit(
        [&](const auto& linear) {
          if (!Fits(linear, source.part, levels)) return false;
          Repack(linear, source.part, TileRows{weight, index, row});
          return true;
        },
        source.linear);
    if (!fits) return false;
    row += source.part.rows;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::optional<QuantizedWeight>> LoadTiles(
    const LoadContext& context, const std::vector<std::vector<ModulePart>>& stack) {
  if (context.scratch == nullptr) return std::nullopt;
  QuantizedWeight weight;
  at::Tensor levels;
  for (size_t index = 0; index < stack.size(); ++index) {
    const auto sources = ReadSources(context.checkpoint, stack[index]);
    if (!sources.ok()) return sources.status();
    if (sources->empty()) return std::nullopt;
    const int64_t rows = RowsOf(*sources), columns = sources->front().part.columns;
    if (!FitsTiles(rows, columns)) return std::nullopt;
    if (index == 0) {
      const PackedLinear& first = sources->front().linear;
      const auto count = static_cast<int64_t>(stack.size());
      weight = std::visit([&](const auto& linear) { return Empty(linear, count, rows, columns); },
                          first);
      levels = std::visit([](const auto& linear) { return LevelsOf(linear); }, first);
    }
    if (!Fill(*sources, static_cast<int64_t>(index), levels, weight)) return std::nullopt;
  }
  return weight;
}

}  // namespace forensics::runner
