// What tests on a GPU share; the rest is in runner/ops/test_tensors.h.
#ifndef RUNNER_OPS_CUDA_GPU_TEST_TENSORS_H_
#define RUNNER_OPS_CUDA_GPU_TEST_TENSORS_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "runner/ops/test_tensors.h"

namespace forensics::runner {

inline at::Tensor OnGpu(const at::Tensor& t) { return t.to(at::kCUDA); }

// Bytes that are NaN in any float type and -1 as an integer, where libtorch's next small tensors
// will lie: an output that is not written shows.
inline void PoisonFreeMemory() {
  std::vector<at::Tensor> blocks;
  for (const int64_t bytes : {int64_t{512}, int64_t{8192}, int64_t{1} << 19, int64_t{1} << 24}) {
    for (int i = 0; i < 8; ++i) {
      blocks.push_back(at::full({bytes}, 255, at::TensorOptions(at::kCUDA).dtype(at::kByte)));
    }
  }
}

// The result of f() on the CPU, computed into poisoned memory; twenty more runs give the same bits.
template <typename F>
at::Tensor Repeated(const F& f) {
  PoisonFreeMemory();
  const at::Tensor first = f().cpu();
  const auto bits = [](const at::Tensor& t) { return t.contiguous().view(at::kByte); };
  for (int i = 0; i < 20; ++i) {
    const at::Tensor again = f().cpu();
    EXPECT_TRUE(at::equal(bits(again), bits(first))) << "run " << i;
  }
  return first;
}

// Numbers of a float type in their order.
inline int64_t OrderOf(float x, at::ScalarType dtype) {
  int32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const int64_t magnitude = bits & 0x7fffffff;
  return (bits < 0 ? -magnitude : magnitude) >> (dtype == at::kBFloat16 ? 16 : 0);
}

// Both on the CPU: no element is further than `ulps` numbers of the dtype away, at least the share
// `equal` is the same. NaN is like NaN.
inline void ExpectWithinUlps(const at::Tensor& found, const at::Tensor& expected, int64_t ulps,
                             double equal) {
  ASSERT_EQ(found.sizes(), expected.sizes());
  ASSERT_EQ(found.scalar_type(), expected.scalar_type());
  const at::Tensor a = found.contiguous().to(at::kFloat), b = expected.contiguous().to(at::kFloat);
  int64_t same = 0, largest = 0;
  for (int64_t i = 0; i < a.numel(); ++i) {
    const float x = a.const_data_ptr<float>()[i], y = b.const_data_ptr<float>()[i];
    const bool both_nan = std::isnan(x) && std::isnan(y);
    const int64_t away =
        both_nan ? 0 : std::abs(OrderOf(x, found.scalar_type()) - OrderOf(y, found.scalar_type()));
    same += away == 0;
    largest = std::max(largest, away);
  }
  EXPECT_LE(largest, ulps);
  EXPECT_GE(static_cast<double>(same), equal * static_cast<double>(a.numel()));
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_GPU_TEST_TENSORS_H_
