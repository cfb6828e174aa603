// What the host functions of this folder have in common.
#ifndef RUNNER_OPS_CUDA_TYPED_KERNEL_H_
#define RUNNER_OPS_CUDA_TYPED_KERNEL_H_

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <cstdint>
#include <limits>

#include "runner/cuda/kernel.h"
#include "runner/ops/cuda/row_launch.h"

namespace forensics::runner {

// A kernel that is compiled for both dtypes.
class TypedKernel {
 public:
  constexpr TypedKernel(const nvrtc::Cubins& cubins, const char* bf16, const char* f32)
      : bf16_(cubins, bf16), f32_(cubins, f32) {}

  // Throws c10::Error for another dtype.
  const CudaKernel& For(at::ScalarType dtype) const {
    TORCH_CHECK(dtype == at::kBFloat16 || dtype == at::kFloat,
                "GPU kernels: expected bfloat16 or float32, found ", dtype);
    return dtype == at::kFloat ? f32_ : bf16_;
  }

 private:
  CudaKernel bf16_, f32_;
};

constexpr int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Kernels count in int. Throws c10::Error where a count does not fit.
inline int ToInt(int64_t count) {
  TORCH_CHECK(count <= std::numeric_limits<int>::max(), "GPU kernels: ", count,
              " pieces of work are too many for one launch");
  return static_cast<int>(count);
}

// Throws c10::Error unless `t` is a contiguous CUDA tensor. `name` is for the error.
inline void CheckOnGpu(const at::Tensor& t, const char* name) {
  TORCH_CHECK(t.is_cuda() && t.is_contiguous(), name, ": expected a contiguous tensor on a GPU, ",
              "found ", t.is_contiguous() ? "" : "a strided one ", "on ", t.device());
}

inline bool IsAligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

// Whether each piece of `width` elements of these tensors is whole chunks at multiples of 16 bytes.
template <typename... Tensors>
bool InChunks(int64_t width, const Tensors&... tensors) {
  return width % kChunkElements == 0 && (IsAligned(tensors.const_data_ptr()) && ...);
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_TYPED_KERNEL_H_
