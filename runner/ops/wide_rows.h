// A cache's rows in float32, for kernels that compute in it. Internal to //runner/ops.
#ifndef RUNNER_OPS_WIDE_ROWS_H_
#define RUNNER_OPS_WIDE_ROWS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace forensics::runner {

// [batch, kv_heads, length, head_dim]: a head's rows are contiguous.
class WideRows {
 public:
  // Float32 is read in place, other dtypes are widened exactly into a copy.
  explicit WideRows(const at::Tensor& cache)
      : owner_(cache.to(at::kFloat)), data_(owner_.const_data_ptr<float>()) {}

  // [length, head_dim]
  const float* Head(int64_t batch, int64_t kv_head) const {
    return data_ + batch * owner_.stride(0) + kv_head * owner_.stride(1);
  }

 private:
  at::Tensor owner_;
  const float* data_;
};

}  // namespace forensics::runner

#endif  // RUNNER_OPS_WIDE_ROWS_H_
