#include "runner/ops/cuda/quantized_gemv.h"

#include <ATen/ops/empty.h>

#include "runner/ops/cuda/typed_kernel.h"
#include "runner/ops/kernel_log.h"

extern const nvrtc::Cubins quantized_gemv_cubins;

namespace forensics::runner {
namespace {

constexpr int kThreads = 256;

const CudaKernel kInt4Kernel(quantized_gemv_cubins, "quantized_gemv_int4");
const CudaKernel kNf4Kernel(quantized_gemv_cubins, "quantized_gemv_nf4");

}  // namespace

at::Tensor QuantizedGemv(const at::Tensor& x, const QuantizedWeight& weight) {
  CheckOnGpu(x, "x");
  TORCH_CHECK(x.scalar_type() == at::kBFloat16 && x.dim() == 2 && x.size(1) == weight.columns &&
                  x.size(0) >= 1 && x.size(0) <= kMaxGemvRows && weight.count == 1,
              "QuantizedGemv: expected bfloat16 [1 to ", kMaxGemvRows, ", ", weight.columns,
              "] and one weight, found ", x.scalar_type(), " ", x.sizes(), " and ", weight.count);
  RecordKernel(weight.IsNf4() ? "linear/own_nf4_gemv" : "linear/own_int4_gemv",
               {{"in", weight.columns}, {"out", weight.rows}}, x.size(0));
  at::Tensor out = at::empty({x.size(0), weight.rows}, x.options());
  const Launch launch = {{weight.rows / kTileRows, 1, 1}, kThreads};
  const void* tiles = weight.tiles.const_data_ptr();
  const void* scales = weight.scales.const_data_ptr();
  const void* from = x.const_data_ptr();
  void* to = out.mutable_data_ptr();
  const int rows = ToInt(x.size(0)), columns = ToInt(weight.columns), outs = ToInt(weight.rows);
  if (weight.IsNf4()) {
    kNf4Kernel(launch, tiles, scales, weight.levels.const_data_ptr<float>(), from, rows, columns,
               outs, to);
  } else {
    kInt4Kernel(launch, tiles, scales, from, rows, columns, outs, to);
  }
  return out;
}

}  // namespace forensics::runner
