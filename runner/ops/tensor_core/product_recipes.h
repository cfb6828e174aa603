// How a GPU's library adds up a product: in which ranges of k, each a chain of fused dot-adds from
// zero, whose float32 sums are added in order.
//
// Measured with cuBLAS 13 (testdata/hopper): tiles, clusters and schedules of kernels do not show
// in the bits, split k does. Up to k = kMostUnsplitK no product of any shape was split; beyond, the
// choice follows from GPU, type, n, k and, in no simple way, m, and is read from a table
// (split_k.inc). What was not measured is taken as one chain; IsMeasured tells.
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

// No product with a k up to this was split: 592 pairs of n and k, in both types and with 95
// numbers of rows from 1 to 6,144, on an H100 and an H200.
inline constexpr int64_t kMostUnsplitK = 2560;

// The most rows that were measured; not every number below: of the table's shapes all until 800 in
// a row are not split, and seven beyond (testing/measure_products.py).
inline constexpr int64_t kMostMeasuredRows = 6144;

// In ascending order, covering 0 ... k.
std::vector<KRange> KRanges(const TensorCore& core, InputFormat format, const ProductShape& shape);

// Whether KRanges knows rather than assumes: on this GPU, for n and k that are multiples of eight
// (others have kernels of another arithmetic), where k is no more than kMostUnsplitK or the table
// has a line of n and k for at least m rows.
bool IsMeasured(const TensorCore& core, InputFormat format, const ProductShape& shape);

// y [rows, w.rows()] in float32, before the one rounding to the output's type: the ranges of
// KRanges for a product of `shape`, of which x [rows, k] and w [columns, k] may be parts.
void MultiplyByRecipe(const TensorCore& core, InputFormat format, const ProductShape& shape,
                      const uint16_t* x, int64_t rows, const PackedColumns& w, float* y);

// SHA-256 of this GPU's lines of the table and its core's parameters: the same digest, the same
// products.
std::string ProductRecipesDigest(const TensorCore& core);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_PRODUCT_RECIPES_H_
