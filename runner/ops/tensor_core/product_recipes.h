// How a GPU's library adds up a product: in which ranges of k, each a chain of fused dot-adds from
// zero, whose float32 sums are added in order.
//
// A table of what was measured; what is not in it is one chain. Measured on an H200 with cuBLAS 13
// (testdata/hopper): tiles, clusters and schedules of kernels do not show in the bits, split k
// does.
#ifndef RUNNER_OPS_TENSOR_CORE_PRODUCT_RECIPES_H_
#define RUNNER_OPS_TENSOR_CORE_PRODUCT_RECIPES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "runner/ops/tensor_core/dot_add.h"
#include "runner/ops/tensor_core/product.h"

namespace forensics::runner {

// Of y = x w^T with x [m, k] and w [n, k].
struct ProductShape {
  int64_t m;
  int64_t n;
  int64_t k;
};

struct KRange {
  int64_t begin;
  int64_t end;
};

// In ascending order, covering 0 ... k.
std::vector<KRange> KRanges(const TensorCore& core, const ProductShape& shape);

// y[i, j] for i < rows and j in [first, last) in float32, before the one rounding to the output's
// type: the ranges of KRanges for a product of `shape`, of which x [rows, k] may be a part. y is
// row-major with stride_y.
void MultiplyByRecipe(const TensorCore& core, InputFormat format, const ProductShape& shape,
                      const uint16_t* x, int64_t rows, const PackedColumns& w, int64_t first,
                      int64_t last, float* y, int64_t stride_y);

// SHA-256 of the table and the cores' parameters, for manifests: the same digest, the same bits.
std::string ProductRecipesDigest();

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_PRODUCT_RECIPES_H_
