// Results that blocks of one kernel hand to each other. Each word carries a tag that says of which
// layer of which step it is; who needs it reads until the tag is right. So a result travels by one
// store and one load, without a barrier, a fence or a counter (the idea is NCCL's LL protocol).
//
// A word is 32 bits, a bfloat16 and 16 bits of the tag, or 64 bits, a float32 and 32 bits of it:
// the machine stores and loads either as a whole, also as parts of a vector.
#pragma once

#include "runner/ops/cuda/bf16.cuh"

namespace forensics {

// Of a layer's results. `layer` 0 is what the first layer starts from. Never all ones, which is
// what poisoned memory holds; a 16-bit tag comes back after 512 steps, by which its word has been
// overwritten.
__device__ __forceinline__ unsigned TagOf(unsigned step, int layer) { return step << 7 | layer; }

__device__ __forceinline__ uint4 LoadRelaxed(const void* p) {
  uint4 v;
  asm volatile("ld.relaxed.gpu.global.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(p)
               : "memory");
  return v;
}
__device__ __forceinline__ uint2 LoadRelaxed8(const void* p) {
  uint2 v;
  asm volatile("ld.relaxed.gpu.global.v2.u32 {%0, %1}, [%2];"
               : "=r"(v.x), "=r"(v.y)
               : "l"(p)
               : "memory");
  return v;
}

__device__ __forceinline__ void StoreTagged(unsigned* word, unsigned short value, unsigned tag) {
  asm volatile("st.relaxed.gpu.global.u32 [%0], %1;" ::"l"(word), "r"(value | tag << 16)
               : "memory");
}
// Two float words.
__device__ __forceinline__ void StoreTagged(uint4* words, float first, float second, unsigned tag) {
  asm volatile("st.relaxed.gpu.global.v4.u32 [%0], {%1, %2, %3, %2};" ::"l"(words),
               "r"(__float_as_uint(first)), "r"(tag), "r"(__float_as_uint(second))
               : "memory");
}

// What differs from the tag, in the upper half.
__device__ __forceinline__ unsigned Mismatch(unsigned word, unsigned tag) {
  return word ^ tag << 16;
}
__device__ __forceinline__ unsigned Mismatch(const uint4& words, unsigned tag) {
  return Mismatch(words.x, tag) | Mismatch(words.y, tag) | Mismatch(words.z, tag) |
         Mismatch(words.w, tag);
}
// Of two float words: zero if both are right.
__device__ __forceinline__ unsigned FloatMismatch(const uint4& words, unsigned tag) {
  return (words.y ^ tag) | (words.w ^ tag);
}

// The values of two words as a pair.
__device__ __forceinline__ unsigned PairOf(unsigned low, unsigned high) {
  return __byte_perm(low, high, 0x5410);
}

// By a whole warp: repeats `attempt`, which loads and returns whether this lane's words are right.
template <typename Attempt>
__device__ __forceinline__ void UntilRight(Attempt attempt) {
  while (!__all_sync(0xffffffffu, attempt())) {
  }
}

// By a whole warp: each lane's word, zero where it is not valid, once they are there.
__device__ __forceinline__ unsigned LoadTaggedWord(const unsigned* word, bool is_valid,
                                                   unsigned tag) {
  unsigned v = 0;
  UntilRight([&] {
    if (!is_valid) return true;
    asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(word) : "memory");
    return Mismatch(v, tag) >> 16 == 0;
  });
  return v;
}

}  // namespace forensics
