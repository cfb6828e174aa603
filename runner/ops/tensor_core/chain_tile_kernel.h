// ChainTile's kernel over an instruction set's vectors. Internal to the variants.
#ifndef RUNNER_OPS_TENSOR_CORE_CHAIN_TILE_KERNEL_H_
#define RUNNER_OPS_TENSOR_CORE_CHAIN_TILE_KERNEL_H_

#include <algorithm>

#include "runner/ops/tensor_core/chain_tile.h"

#define CHAIN_INLINE static inline __attribute__((always_inline))
#define CHAIN_UNROLL _Pragma("GCC unroll 16")

namespace forensics::runner {

// Isa has operations on kWidth int32 lanes; LoadHalves fills them with 16 bits each; Multiply takes
// the lower 16 bits of its first operand, whose upper ones are zero, times those of its second;
// AddSigned adds or subtracts a magnitude by the sign of its third operand; Truncate ends a step.
template <typename Isa, int kProducts>
struct ChainKernel {
  using Ints = typename Isa::Ints;

  struct Accumulator {
    Ints significand;  // magnitude, in units of 2^(exponent - fraction_bits)
    Ints exponent;
    Ints bits;
  };

  // A step's share of the panel, taken apart.
  struct Share {
    alignas(64) int32_t significands[kProducts * kPanelColumns];  // fit 16 bits
    alignas(64) int32_t exponents[kProducts * kPanelColumns];
  };

  CHAIN_INLINE void TakeApart(const uint16_t* b, const InputLayout& layout, Share& share) {
    const Ints one = Isa::All(1 << layout.fraction_bits);
    for (int i = 0; i < kProducts * kPanelColumns; i += Isa::kWidth) {
      const Ints bits = Isa::LoadHalves(b + i);
      const Ints magnitude = Isa::And(bits, Isa::All(0x7fff));
      const Ints biased = Isa::ShiftRight(magnitude, Isa::All(layout.fraction_bits));
      const Ints fraction = Isa::And(bits, Isa::Sub(one, Isa::All(1)));
      const auto subnormal = Isa::IsZero(biased);
      const auto zero = Isa::IsZero(magnitude);
      const auto special = Isa::IsZero(Isa::Sub(biased, Isa::All(layout.exponents)));
      Ints significand = Isa::Select(subnormal, fraction, Isa::Or(fraction, one));
      significand = Isa::Select(special, Isa::All(0), significand);
      significand = Isa::ShiftLeft(significand, Isa::All(layout.shift));
      Ints exponent = Isa::Select(subnormal, Isa::All(1), biased);
      exponent = Isa::Sub(exponent, Isa::All(layout.exponents / 2));
      exponent = Isa::Select(zero, Isa::All(kZeroExponent), exponent);
      exponent = Isa::Select(special, Isa::All(kZeroExponent), exponent);
      const Ints sign = Isa::ShiftLeft(bits, Isa::All(16));
      Isa::Store(share.significands + i, Isa::AddSigned(Isa::All(0), significand, sign));
      Isa::Store(share.exponents + i, exponent);
    }
  }

  CHAIN_INLINE Accumulator Unpack(Ints bits, int fraction_bits) {
    const Ints biased = Isa::And(Isa::template ShiftRightBy<23>(bits), Isa::All(0xff));
    const Ints fraction = Isa::And(bits, Isa::All(0x7fffff));
    const auto subnormal = Isa::IsZero(biased);
    const auto zero = Isa::IsZero(Isa::And(bits, Isa::All(0x7fffffff)));
    Ints significand = Isa::Or(fraction, Isa::All(0x800000));
    significand = Isa::Select(subnormal, fraction, significand);
    Ints exponent = Isa::Sub(biased, Isa::All(127));
    exponent = Isa::Select(subnormal, Isa::All(-126), exponent);
    exponent = Isa::Select(zero, Isa::All(kZeroExponent), exponent);
    return {Isa::ShiftLeft(significand, Isa::All(fraction_bits - 23)), exponent, bits};
  }

  CHAIN_INLINE Ints Step(const ChainTile& tile, const int32_t* a_significands,
                         const int32_t* a_exponents, const int32_t* b_significands,
                         const int32_t* b_exponents, Ints bits) {
    const Accumulator c = Unpack(bits, tile.fraction_bits);
    Ints exponents[kProducts];
    Ints largest = Isa::Max(c.exponent, Isa::All(-133));
    CHAIN_UNROLL for (int k = 0; k < kProducts; ++k) {
      exponents[k] = Isa::Add(Isa::All(a_exponents[k]), Isa::Load(b_exponents + k * kPanelColumns));
      largest = Isa::Max(largest, exponents[k]);
    }
    Ints sum = Isa::All(0);
    CHAIN_UNROLL for (int k = 0; k < kProducts; ++k) {
      const Ints product =
          Isa::Multiply(Isa::All(a_significands[k]), Isa::Load(b_significands + k * kPanelColumns));
      const Ints shift = Isa::Sub(largest, exponents[k]);
      sum = Isa::AddSigned(sum, Isa::ShiftRight(Isa::Abs(product), shift), product);
    }
    const Ints own = Isa::AddSigned(
        Isa::All(0), Isa::ShiftRight(c.significand, Isa::Sub(largest, c.exponent)), c.bits);
    return Isa::Truncate(sum, own, Isa::Sub(largest, Isa::All(tile.fraction_bits)), bits);
  }

  static void Run(const ChainTile& tile) {
    [[maybe_unused]] const typename Isa::RoundTowardZero rounding;
    // Rows inside, so that a step's share of the panel stays in the first cache.
    Share share;
    for (int64_t k = 0; k < tile.count; k += kProducts) {
      TakeApart(tile.b + k * kPanelColumns, tile.b_layout, share);
      for (int64_t row = 0; row < tile.rows; ++row) {
        float* accumulators = tile.accumulators + row * kPanelColumns;
        for (int64_t lane = 0; lane < kPanelColumns; lane += Isa::kWidth) {
          const Ints bits = Isa::Load(reinterpret_cast<const int32_t*>(accumulators + lane));
          const Ints next = Step(tile, tile.a_significands + row * tile.stride_a + k,
                                 tile.a_exponents + row * tile.stride_a + k,
                                 share.significands + lane, share.exponents + lane, bits);
          Isa::Store(reinterpret_cast<int32_t*>(accumulators + lane), next);
        }
      }
    }
  }
};

// The kernel for a core's number of products.
template <typename Isa>
ChainTileFunction ChainTileFor(int products) {
  switch (products) {
    case 4:
      return ChainKernel<Isa, 4>::Run;
    case 8:
      return ChainKernel<Isa, 8>::Run;
    case 16:
      return ChainKernel<Isa, 16>::Run;
    default:
      return nullptr;
  }
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_CHAIN_TILE_KERNEL_H_
