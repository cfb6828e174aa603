#include "runner/ops/linear.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

#include <algorithm>

#include "runner/ops/dot_lanes.h"
#include "runner/ops/kernel_log.h"
#include "runner/ops/parallel.h"

namespace forensics::runner {
namespace {

constexpr int64_t kGrain = 32768;  // multiplications worth a thread
constexpr int64_t kBlock = 32;     // rows of the weight between two roundings

// out [rows] = x [in] . weight [rows, in] + bias [rows] (null: none).
template <typename T>
FORENSICS_TARGET_CLONES void MultiplyRow(const T* x, const T* weight, const T* bias, int64_t in,
                                         int64_t rows, T* out) {
  float sums[kBlock];
  for (int64_t first = 0; first < rows; first += kBlock) {
    const int64_t count = std::min(kBlock, rows - first);
    DotAllRows(x, weight + first * in, in, count, sums);
    for (int64_t r = 0; r < count; ++r) {
      const float sum = bias == nullptr ? sums[r] : sums[r] + static_cast<float>(bias[first + r]);
      out[first + r] = static_cast<T>(sum);
    }
  }
}

at::Tensor OneRow(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const int64_t rows = weight.size(0), in = weight.size(1);
  at::Tensor out = at::empty({1, rows}, x.options());
  ForFloatType(x.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const T* row = x.const_data_ptr<T>();
    const T* matrix = weight.const_data_ptr<T>();
    const T* offset = bias.defined() ? bias.const_data_ptr<T>() : nullptr;
    T* to = out.mutable_data_ptr<T>();
    ParallelFor(rows, kGrain / in + 1, [&](int64_t begin, int64_t end) {
      MultiplyRow(row, matrix + begin * in, offset == nullptr ? nullptr : offset + begin, in,
                  end - begin, to + begin);
    });
  });
  return out;
}

}  // namespace

at::Tensor Linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const bool one_row = x.size(0) == 1 && x.is_cpu();
  RecordKernel(one_row      ? "linear/own_16_lanes"
               : x.is_cpu() ? "linear/libtorch"
                            : "linear/cublas",
               {{"in", weight.size(1)}, {"out", weight.size(0)}}, x.size(0));
  if (one_row) return OneRow(x, weight, bias);
  return at::linear(x, weight, bias);
}

}  // namespace forensics::runner
