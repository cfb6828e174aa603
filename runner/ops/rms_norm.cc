#include "runner/ops/rms_norm.h"

#include <ATen/ops/empty_like.h>

#include "runner/ops/kernel_log.h"
#include "runner/ops/parallel.h"
#include "runner/ops/rms_norm_lanes.h"

namespace forensics::runner {
namespace {

constexpr int64_t kGrain = 16384;  // elements worth a thread

template <typename T>
FORENSICS_TARGET_CLONES void NormaliseRows(const T* x, const T* weight, int64_t rows, int64_t width,
                                           float eps, T* out) {
  for (int64_t row = 0; row < rows; ++row) {
    NormaliseRow(x + row * width, weight, width, eps, out + row * width);
  }
}

template <typename T>
FORENSICS_TARGET_CLONES void AddRows(const T* x, int64_t count, T* residual) {
  const int64_t whole = count / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    StoreLanes(LoadLanes(residual + i) + LoadLanes(x + i), residual + i);
  }
  for (int64_t i = whole; i < count; ++i) {
    residual[i] = static_cast<T>(static_cast<float>(residual[i]) + static_cast<float>(x[i]));
  }
}

}  // namespace

at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const int64_t rows = x.size(0), width = x.size(1);
  RecordKernel("rms_norm/own", {{"width", width}}, rows);
  at::Tensor out = at::empty_like(x);
  ForFloatType(x.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.const_data_ptr<T>();
    const T* scale = weight.const_data_ptr<T>();
    T* to = out.mutable_data_ptr<T>();
    ParallelFor(rows, kGrain / width + 1, [&](int64_t begin, int64_t end) {
      NormaliseRows(from + begin * width, scale, end - begin, width, static_cast<float>(eps),
                    to + begin * width);
    });
  });
  return out;
}

at::Tensor AddRmsNorm(at::Tensor& residual, const at::Tensor& x, const at::Tensor& weight,
                      double eps) {
  const int64_t rows = x.size(0), width = x.size(1);
  RecordKernel("add_rms_norm/own", {{"width", width}}, rows);
  at::Tensor out = at::empty_like(x);
  ForFloatType(x.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.const_data_ptr<T>();
    const T* scale = weight.const_data_ptr<T>();
    T* sum = residual.mutable_data_ptr<T>();
    T* to = out.mutable_data_ptr<T>();
    ParallelFor(rows, kGrain / width + 1, [&](int64_t begin, int64_t end) {
      AddRows(from + begin * width, (end - begin) * width, sum + begin * width);
      NormaliseRows(sum + begin * width, scale, end - begin, width, static_cast<float>(eps),
                    to + begin * width);
    });
  });
  return out;
}

}  // namespace forensics::runner
