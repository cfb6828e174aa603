// Tensor-core products of one warp: bfloat16 in, float32 sums.
//
// Lane 4 g + q holds of A [16, 16] rows g and g + 8, of B [16, 8] column g, of C [16, 8] rows g
// and g + 8, columns 2 q and 2 q + 1.
//
// Arithmetic of one element of C: on sm_90 one sum of the 16 products and the accumulator; on sm_80
// two of 8 products, k ascending, the first one's result being the second's accumulator. In a sum
// products are exact and not normalised: the exponent of a product is the sum of its factors'
// (subnormal factors are taken as they are), its significand lies in [0, 4). All terms are cut,
// towards zero, to 25 (sm_80: 24) fraction bits below the largest exponent among the terms that are
// not zero, added exactly, and the sum is cut, towards zero, to float32. A sum of zero is +0, NaN
// is 0x7fffffff. NVIDIA documents none of this: measured on sm_90, for sm_80 as published (Khattak
// and Mikaitis; MMA-Sim).
#pragma once

namespace forensics {

// c += a b. a: {row g, k 2q}, {row g + 8, k 2q}, {row g, k 2q + 8}, {row g + 8, k 2q + 8}, pairs;
// b0, b1: k 2q and 2q + 8, pairs.
__device__ __forceinline__ void Mma(float (&c)[4], unsigned a0, unsigned a1, unsigned a2,
                                    unsigned a3, unsigned b0, unsigned b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// Four matrices of 8 rows of 16 bytes; lane l gives the address of row l % 8 of matrix l / 8.
__device__ __forceinline__ void LoadMatrices(unsigned address, unsigned (&m)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(address)
               : "memory");
}
__device__ __forceinline__ void LoadMatricesTransposed(unsigned address, unsigned (&m)[4]) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(address)
               : "memory");
}

}  // namespace forensics
