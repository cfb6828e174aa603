// Products of matrices of 16-bit numbers in tensor-core arithmetic, and the order in which a GPU's
// library adds up long ones.
#ifndef RUNNER_OPS_TENSOR_CORE_PRODUCT_H_
#define RUNNER_OPS_TENSOR_CORE_PRODUCT_H_

#include <cstdint>
#include <vector>

#include "runner/ops/tensor_core/chain_tile.h"
#include "runner/ops/tensor_core/dot_add.h"

namespace forensics::runner {

// The rows of a matrix [rows, depth] (the columns of a product's second factor, transposed), as
// the kernels take them: two bytes an element.
class PackedColumns {
 public:
  // `values` is row-major, `stride` apart, and read as long as this lives.
  PackedColumns(const TensorCore& core, InputFormat format, const uint16_t* values, int64_t rows,
                int64_t depth, int64_t stride);

  int64_t rows() const { return rows_; }
  int64_t depth() const { return depth_; }

 private:
  friend class ChainProduct;

  const uint16_t* values_;
  int64_t rows_;
  int64_t depth_;
  int64_t stride_;
  int64_t padded_depth_;          // a multiple of the core's products
  std::vector<uint16_t> panels_;  // [panels, padded_depth, kPanelColumns]
  std::vector<bool> special_;     // rows with an infinity or NaN
};

// One chain of fused dot-adds an output, by the fastest kernel that the CPU has.
class ChainProduct {
 public:
  ChainProduct(const TensorCore& core, InputFormat format)
      : ChainProduct(core, format, PickChainTile(core.products)) {}
  // With a kernel of choice; null: the reference, which is about a hundred times slower.
  ChainProduct(const TensorCore& core, InputFormat format, ChainTileFunction kernel)
      : core_(core), format_(format), kernel_(kernel) {}

  // c[i, j] = the chain of a[i, k] * b[j, k] over k = begin ... end - 1 that starts from c[i, j],
  // for i < rows and j in [first, last). `begin` is a multiple of the core's products. a is
  // row-major with stride_a, c with stride_c. Any range of rows and columns may be computed apart.
  void Run(const uint16_t* a, int64_t stride_a, int64_t rows, const PackedColumns& b, int64_t first,
           int64_t last, int64_t begin, int64_t end, float* c, int64_t stride_c) const;

 private:
  struct PackedRows;
  PackedRows Pack(const uint16_t* a, int64_t stride_a, int64_t rows, int64_t count) const;
  void Reference(const uint16_t* a, const PackedColumns& b, int64_t column, int64_t begin,
                 int64_t end, float* c) const;

  TensorCore core_;
  InputFormat format_;
  ChainTileFunction kernel_;
};

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_PRODUCT_H_
