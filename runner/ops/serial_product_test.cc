#include "runner/ops/serial_product.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <gtest/gtest.h>

#include "runner/ops/test_tensors.h"

namespace forensics::runner {
namespace {

TEST(SerialProductTest, AgreesWithFloat64) {
  for (const int64_t size : {32, 96, 256}) {
    const at::Tensor a = Noise({size, size}, 1), b = Noise({size, size}, 2);
    at::Tensor c = at::empty({size, size}, at::kFloat);
    SerialProduct(a.const_data_ptr<float>(), b.const_data_ptr<float>(), size,
                  c.mutable_data_ptr<float>());
    ExpectRelativeL2(c, at::matmul(a.to(at::kDouble), b.to(at::kDouble)), 8 * Epsilon(at::kFloat),
                     Epsilon(at::kFloat) / 100);
  }
}

}  // namespace
}  // namespace forensics::runner
