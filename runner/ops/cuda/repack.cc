#include "runner/ops/cuda/repack.h"

#include <ATen/ops/empty.h>

#include "runner/ops/cuda/repack_arguments.h"
#include "runner/ops/cuda/typed_kernel.h"

extern const nvrtc::Cubins repack_awq_cubins, repack_gptq_cubins, repack_nf4_cubins;

namespace forensics::runner {
namespace {

const CudaKernel kRepackAwq(repack_awq_cubins, "repack_awq");
const CudaKernel kRepackGptq(repack_gptq_cubins, "repack_gptq");
const CudaKernel kRepackNf4(repack_nf4_cubins, "repack_nf4");

constexpr int64_t kNibbles = 8;  // of a word

QuantizedWeight EmptyWeight(int64_t count, int64_t rows, int64_t columns, int64_t scale_columns,
                            at::ScalarType scale_type, at::Device device) {
  TORCH_CHECK(FitsTiles(rows, columns), "tiles: expected multiples of ", kTileRows, " rows and ",
              kScaleGroup, " columns, found ", rows, " and ", columns);
  const at::TensorOptions on_device = at::TensorOptions().device(device);
  QuantizedWeight weight;
  weight.count = count;
  weight.rows = rows;
  weight.columns = columns;
  weight.tiles = at::empty({count, rows / kTileRows, columns / kTileColumns, 32, 4},
                           on_device.dtype(at::kInt));
  weight.scales = at::empty({count, rows / kTileRows, columns / scale_columns, kTileRows},
                            on_device.dtype(scale_type));
  return weight;
}

TilePlace PlaceOf(const TileRows& to, const WeightPart& part) {
  const QuantizedWeight& weight = to.weight;
  TORCH_CHECK(part.columns == weight.columns && part.rows % kTileRows == 0 &&
                  to.first_row % kTileRows == 0 && to.first_row + part.rows <= weight.rows &&
                  to.index < weight.count,
              "tiles: ", part.rows, " rows of ", part.columns, " columns do not fit at row ",
              to.first_row, " of weight ", to.index, " of ", weight.count, " [", weight.rows, ", ",
              weight.columns, "]");
  const int64_t row_tile = to.first_row / kTileRows;
  return {weight.tiles.select(0, to.index).select(0, row_tile).mutable_data_ptr(),
          weight.scales.select(0, to.index).select(0, row_tile).mutable_data_ptr(),
          ToInt(part.rows / kTileRows), ToInt(part.columns)};
}

Launch LaunchFor(const TilePlace& place) {
  Launch launch;
  launch.blocks[0] = place.columns / kTileColumns;
  launch.blocks[1] = CeilDivide(place.row_tiles, kRepackTiles);
  launch.threads = 32 * kRepackTiles;
  return launch;
}

void CheckMatrix(const at::Tensor& t, const char* name, at::ScalarType dtype, int64_t rows,
                 int64_t columns) {
  TORCH_CHECK(t.is_cuda() && t.scalar_type() == dtype && t.dim() == 2 && t.size(0) == rows &&
                  t.size(1) == columns && t.stride(1) == 1,
              "repack: ", name, ": expected ", dtype, " [", rows, ", ", columns,
              "] on a GPU, found ", t.scalar_type(), " ", t.sizes(), " on ", t.device());
}

void CheckVector(const at::Tensor& t, const char* name, at::ScalarType dtype, int64_t count) {
  CheckOnGpu(t, name);
  TORCH_CHECK(t.scalar_type() == dtype && t.numel() == count, "repack: ", name, ": expected ",
              dtype, " [", count, "], found ", t.scalar_type(), " ", t.sizes());
}

// An element's address as the kernels take it.
template <typename As, typename T>
const As* At(const at::Tensor& t, int64_t row, int64_t column) {
  return reinterpret_cast<const As*>(t.const_data_ptr<T>() + row * t.stride(0) + column);
}

// Groups and their strides; the pointers to the words are the formats' own.
GroupedSource SourceOf(const at::Tensor& qweight, const at::Tensor& qzeros,
                       const at::Tensor& scales, int64_t inputs, const WeightPart& part) {
  GroupedSource source = {};
  source.scales = At<unsigned short, at::Half>(scales, 0, part.first_row);
  source.qweight_stride = qweight.stride(0);
  source.qzeros_stride = qzeros.stride(0);
  source.scales_stride = scales.stride(0);
  source.first_column = ToInt(part.first_column);
  source.group_columns = ToInt(inputs / qzeros.size(0));
  source.first_row = ToInt(part.first_row);
  return source;
}

}  // namespace

QuantizedWeight EmptyInt4Weight(int64_t count, int64_t rows, int64_t columns, at::Device device) {
  return EmptyWeight(count, rows, columns, kScaleGroup, at::kInt, device);
}

QuantizedWeight EmptyNf4Weight(int64_t count, int64_t rows, int64_t columns, at::Device device) {
  QuantizedWeight weight = EmptyWeight(count, rows, columns, kNf4Block, at::kFloat, device);
  weight.levels = at::empty({16}, weight.scales.options());
  return weight;
}

void RepackAwq(const at::Tensor& qweight, const at::Tensor& qzeros, const at::Tensor& scales,
               const WeightPart& part, const TileRows& to) {
  const int64_t inputs = qweight.size(0), words = qweight.size(1), groups = qzeros.size(0);
  CheckMatrix(qweight, "qweight", at::kInt, inputs, words);
  CheckMatrix(qzeros, "qzeros", at::kInt, groups, words);
  CheckMatrix(scales, "scales", at::kHalf, groups, words * kNibbles);
  const TilePlace place = PlaceOf(to, part);
  GroupedSource source = SourceOf(qweight, qzeros, scales, inputs, part);
  const int64_t first_word = part.first_row / kNibbles;
  source.qweight = At<unsigned, int32_t>(qweight, part.first_column, first_word);
  source.qzeros = At<unsigned, int32_t>(qzeros, 0, first_word);
  kRepackAwq(LaunchFor(place), source, place);
}

void RepackGptq(const GptqTensors& tensors, int zero_offset, const WeightPart& part,
                const TileRows& to) {
  const int64_t inputs = tensors.qweight.size(0) * kNibbles, outputs = tensors.qweight.size(1);
  const int64_t groups = tensors.qzeros.size(0);
  CheckMatrix(tensors.qweight, "qweight", at::kInt, inputs / kNibbles, outputs);
  CheckMatrix(tensors.qzeros, "qzeros", at::kInt, groups, outputs / kNibbles);
  CheckMatrix(tensors.scales, "scales", at::kHalf, groups, outputs);
  const TilePlace place = PlaceOf(to, part);
  GroupedSource source = SourceOf(tensors.qweight, tensors.qzeros, tensors.scales, inputs, part);
  source.qweight =
      At<unsigned, int32_t>(tensors.qweight, part.first_column / kNibbles, part.first_row);
  source.qzeros = At<unsigned, int32_t>(tensors.qzeros, 0, part.first_row / kNibbles);
  source.zero_offset = zero_offset;
  kRepackGptq(LaunchFor(place), source, place);
}

void RepackNf4(const Nf4Tensors& tensors, const Nf4Layout& layout, const WeightPart& part,
               const TileRows& to) {
  const bool nested = layout.nested.has_value();
  CheckVector(tensors.weight, "weight", at::kByte, layout.bytes());
  CheckVector(tensors.absmax, "absmax", nested ? at::kByte : at::kFloat, layout.blocks());
  CheckVector(tensors.quant_map, "quant_map", at::kFloat, 16);
  TORCH_CHECK(reinterpret_cast<uintptr_t>(tensors.weight.const_data_ptr()) % 8 == 0,
              "repack: weight: expected an address that is a multiple of 8");
  Nf4Source source = {};
  source.weight = tensors.weight.const_data_ptr<uint8_t>();
  source.absmax = tensors.absmax.const_data_ptr();
  if (nested) {
    CheckVector(tensors.nested_absmax, "nested_absmax", at::kFloat, layout.nested_blocks());
    CheckVector(tensors.nested_quant_map, "nested_quant_map", at::kFloat, kNf4NestedLevels);
    source.nested_map = tensors.nested_quant_map.const_data_ptr<float>();
    source.nested_absmax = tensors.nested_absmax.const_data_ptr<float>();
    source.nested_offset = layout.nested->offset;
    source.nested_block = ToInt(layout.nested->block_size);
  }
  source.block = ToInt(layout.block_size);
  source.in_features = ToInt(layout.in_features);
  source.first_row = ToInt(part.first_row);
  source.first_column = ToInt(part.first_column);
  const TilePlace place = PlaceOf(to, part);
  kRepackNf4(LaunchFor(place), source, place, tensors.quant_map.const_data_ptr<float>(),
             to.weight.levels.mutable_data_ptr<float>());
}

}  // namespace forensics::runner
