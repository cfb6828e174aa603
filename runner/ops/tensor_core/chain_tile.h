// The inner kernel of products in tensor-core arithmetic: rows of A against one panel of columns.
//
// Columns lie along the vector lanes, so that each output is one fixed sequence of integer
// operations whatever the vector width. An input is taken apart into a signed significand, shifted
// so that a product of two has the core's fraction bits, and an exponent: A's once for all panels,
// a panel's a step at a time for all rows, so that it lies in memory as it came, in 16 bits. The
// variants differ in speed alone; the reference is ChainedDotAdd.
#ifndef RUNNER_OPS_TENSOR_CORE_CHAIN_TILE_H_
#define RUNNER_OPS_TENSOR_CORE_CHAIN_TILE_H_

#include <cstdint>

namespace forensics::runner {

constexpr int64_t kPanelColumns = 16;

// The exponent of zero: far below all others, and of a product with zero still.
constexpr int32_t kZeroExponent = -(1 << 20);

// How 16 bits are taken apart.
struct InputLayout {
  int fraction_bits;
  int exponents;  // the largest, of infinities and NaN
  int shift;      // of the significand
};

// float32 accumulators [rows, kPanelColumns] go through fused dot-adds over k = 0 ... count - 1.
struct ChainTile {
  const int32_t* a_significands;  // [rows, stride_a], the lower 16 bits; the upper are zero
  const int32_t* a_exponents;
  int64_t stride_a;
  int64_t rows;
  const uint16_t* b;  // [count, kPanelColumns]; infinities and NaN count as zero
  InputLayout b_layout;
  int64_t count;        // a multiple of the core's products
  int fraction_bits;    // of the core
  float* accumulators;  // [rows, kPanelColumns]
};

using ChainTileFunction = void (*)(const ChainTile& tile);

// For cores that add 4, 8 or 16 products at once; null for others.
ChainTileFunction ChainTileAvx512(int products);
ChainTileFunction ChainTileAvx2(int products);

// The fastest variant for this CPU; null if it has neither.
ChainTileFunction PickChainTile(int products);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_CHAIN_TILE_H_
