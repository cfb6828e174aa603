// Comparison of decoded weights with their definition, bit for bit.
#ifndef RUNNER_CHECKPOINT_TESTING_BITS_H_
#define RUNNER_CHECKPOINT_TESTING_BITS_H_

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>

namespace forensics::runner {

// Any NaN is like any other.
template <typename T>
bool SameBits(T a, T b) {
  if (std::isnan(static_cast<float>(a))) return std::isnan(static_cast<float>(b));
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

// Whether every element of `weight` [out, in], of T, is exact(o, i), a float, rounded once to T.
template <typename T, typename Exact>
void ExpectWeight(const at::Tensor& weight, int64_t out, int64_t in, const Exact& exact) {
  ASSERT_EQ(weight.sizes(), at::IntArrayRef({out, in}));
  ASSERT_TRUE(weight.is_contiguous());
  const T* values = weight.const_data_ptr<T>();
  int64_t different = 0;
  for (int64_t o = 0; o < out; ++o) {
    for (int64_t i = 0; i < in; ++i) {
      different += !SameBits(static_cast<T>(exact(o, i)), values[o * in + i]);
    }
  }
  EXPECT_EQ(different, 0);
}

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_TESTING_BITS_H_
