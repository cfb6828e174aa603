#include "runner/ops/cuda/dequantize.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <c10/util/accumulate.h>

#include <vector>

#include "runner/ops/cuda/dequantize_arguments.h"
#include "runner/ops/cuda/quantized_gemv.h"
#include "runner/ops/cuda/typed_kernel.h"
#include "runner/ops/kernel_log.h"

extern const nvrtc::Cubins dequantize_cubins;

namespace forensics::runner {
namespace {

const TypedKernel kDequantizeInt4(dequantize_cubins, "dequantize_int4_bf16", "dequantize_int4_f32");
const TypedKernel kDequantizeNf4(dequantize_cubins, "dequantize_nf4_bf16", "dequantize_nf4_f32");

constexpr int kWarps = 8;  // of a block; each makes a tile

// Of the weights that `indices` (null: all) names, `dense` [*, columns] in all.
void MakeDense(const QuantizedWeight& weight, const int32_t* indices, at::Tensor& dense) {
  CheckOnGpu(weight.tiles, "dequantize: tiles");
  const StackChoice choice = {indices, ToInt(weight.count), ToInt(weight.rows / kTileRows)};
  const int64_t tiles = dense.numel() / (kTileRows * kTileColumns);
  if (tiles == 0) return;
  const int row_tiles = ToInt(tiles / (weight.columns / kTileColumns));
  Launch launch;
  launch.blocks[0] = CeilDivide(ToInt(tiles), kWarps);
  launch.threads = 32 * kWarps;
  const void* packed = weight.tiles.const_data_ptr();
  const void* scales = weight.scales.const_data_ptr();
  if (weight.IsNf4()) {
    kDequantizeNf4.For(dense.scalar_type())(launch, packed, scales, weight.levels.const_data_ptr(),
                                            choice, row_tiles, ToInt(weight.columns),
                                            dense.mutable_data_ptr());
  } else {
    kDequantizeInt4.For(dense.scalar_type())(launch, packed, scales, choice, row_tiles,
                                             ToInt(weight.columns), dense.mutable_data_ptr());
  }
}

}  // namespace

at::Tensor DequantizeScratch::Take(at::IntArrayRef shape, at::ScalarType dtype, at::Device device) {
  const int64_t bytes =
      c10::multiply_integers(shape) * static_cast<int64_t>(c10::elementSize(dtype));
  if (!memory_.defined() || memory_.numel() < bytes || memory_.device() != device) {
    memory_.reset();  // first, so that its memory can be taken again
    memory_ = at::empty({bytes}, at::TensorOptions().dtype(at::kByte).device(device));
  }
  return memory_.narrow(0, 0, bytes).view(dtype).view(shape);
}

at::Tensor Dequantize(const QuantizedWeight& weight, at::ScalarType dtype,
                      DequantizeScratch& scratch) {
  std::vector<int64_t> shape = {weight.count, weight.rows, weight.columns};
  if (weight.count == 1) shape.erase(shape.begin());
  at::Tensor dense = scratch.Take(shape, dtype, weight.tiles.device());
  MakeDense(weight, nullptr, dense);
  return dense;
}

at::Tensor DequantizeChosen(const QuantizedWeight& weight, const at::Tensor& indices,
                            at::ScalarType dtype, DequantizeScratch& scratch) {
  CheckOnGpu(indices, "dequantize: indices");
  at::Tensor dense =
      scratch.Take({indices.numel(), weight.rows, weight.columns}, dtype, weight.tiles.device());
  MakeDense(weight, indices.const_data_ptr<int32_t>(), dense);
  return dense;
}

at::Tensor QuantizedLinear(const at::Tensor& x, const QuantizedWeight& weight,
                           const at::Tensor& bias, DequantizeScratch& scratch) {
  TORCH_CHECK(weight.count == 1 && x.size(-1) == weight.columns, "linear: expected one weight of ",
              x.size(-1), " columns, found ", weight.count, " of ", weight.columns);
  const bool few_rows = x.size(0) >= 1 && x.size(0) <= kMaxGemvRows;
  if (few_rows && x.scalar_type() == at::kBFloat16 && !bias.defined()) {
    return QuantizedGemv(x, weight);
  }
  RecordKernel("linear/dequantized_cublas", {{"in", weight.columns}, {"out", weight.rows}},
               x.size(0));
  return at::linear(x, Dequantize(weight, x.scalar_type(), scratch), bias);
}

}  // namespace forensics::runner
