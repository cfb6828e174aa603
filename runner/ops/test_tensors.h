// Inputs and two-sided comparisons for tests of kernels.
#ifndef RUNNER_OPS_TEST_TENSORS_H_
#define RUNNER_OPS_TEST_TENSORS_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace forensics::runner {

// Normally distributed float32 values; the same on every machine up to libm.
inline at::Tensor Noise(std::vector<int64_t> shape, int64_t seed) {
  at::Tensor noise = at::empty(shape, at::kFloat);
  std::mt19937_64 engine(static_cast<uint64_t>(seed));
  std::normal_distribution<double> normal;
  float* values = noise.mutable_data_ptr<float>();
  for (int64_t i = 0; i < noise.numel(); ++i) values[i] = static_cast<float>(normal(engine));
  return noise;
}

// The distance between 1 and the next number.
inline double Epsilon(at::ScalarType dtype) {
  return dtype == at::kFloat ? 0x1p-23 : dtype == at::kHalf ? 0x1p-10 : 0x1p-7;
}

// The distance is below `upper` and not below `lower`: where rounding must show, an exact result
// means that the kernel did not compute what it claims to.
inline void ExpectRelativeL2(const at::Tensor& found, const at::Tensor& expected, double upper,
                             double lower) {
  ASSERT_EQ(found.sizes(), expected.sizes());
  const at::Tensor a = found.to(at::kDouble), b = expected.to(at::kDouble);
  const double distance = (a - b).norm().item<double>() / b.norm().item<double>();
  EXPECT_LE(distance, upper);
  EXPECT_GE(distance, lower);
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TEST_TENSORS_H_
