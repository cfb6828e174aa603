// Rows of tagged words, fetched by a whole block and left in shared memory as bfloat16. Each word
// is fetched once, all of a thread's before the first is looked at.
#pragma once

#include "runner/ops/cuda/bf16.cuh"
#include "runner/ops/cuda/decode_plan.h"
#include "runner/ops/cuda/memory.cuh"
#include "runner/ops/cuda/row_slices.cuh"
#include "runner/ops/cuda/special_functions.cuh"
#include "runner/ops/cuda/tagged.cuh"
#include "runner/ops/cuda/warp.cuh"

namespace forensics {

// Bytes from one row to the next in shared memory: eight rows' chunks lie in different banks.
constexpr int RowBytes(int columns) { return columns * 2 + 16; }

// A thread's part of rows [kRows, kColumns]: vectors of four words, thread + i * kThreads in their
// order; those of rows that are not there repeat the first row's.
template <int kRows, int kColumns>
struct TaggedRows {
  static constexpr int kVectors = kRows * kColumns / 4;
  static constexpr int kPerThread = (kVectors + kThreads - 1) / kThreads;

  uint2 pairs[kPerThread];  // four values each

  static __device__ __forceinline__ int RowOf(int i, const Place& at) {
    return (at.thread + i * kThreads) / (kColumns / 4);
  }
  static __device__ __forceinline__ int ColumnOf(int i, const Place& at) {
    return (at.thread + i * kThreads) % (kColumns / 4) * 4;
  }

  // By all threads: waits until `count` rows are there.
  __device__ __forceinline__ void Load(const unsigned* words, int count, unsigned tag,
                                       const Place& at) {
    UntilRight([&] {
      uint4 v[kPerThread];
#pragma unroll
      for (int i = 0; i < kPerThread; ++i) {
        const int row = RowOf(i, at) < count ? RowOf(i, at) : 0;
        v[i] = LoadRelaxed(words + row * kColumns + ColumnOf(i, at));
      }
      unsigned mismatch = 0;
#pragma unroll
      for (int i = 0; i < kPerThread; ++i) {
        mismatch |= Mismatch(v[i], tag);
        pairs[i] = make_uint2(PairOf(v[i].x, v[i].y), PairOf(v[i].z, v[i].w));
      }
      return mismatch >> 16 == 0;
    });
  }

  // To shared memory; to be seen after the next barrier.
  __device__ __forceinline__ void Store(unsigned to, const Place& at) const {
#pragma unroll
    for (int i = 0; i < kPerThread; ++i) {
      if (kVectors % kThreads != 0 && at.thread + i * kThreads >= kVectors) continue;
      const unsigned place = to + RowOf(i, at) * RowBytes(kColumns) + ColumnOf(i, at) * 2;
      asm volatile("st.shared.v2.u32 [%0], {%1, %2};" ::"r"(place), "r"(pairs[i].x), "r"(pairs[i].y)
                   : "memory");
    }
  }
};

// By all threads: `count` rows of kColumns to shared memory at `to`, at most kRows at once; to be
// seen after the next barrier.
template <int kRows, int kColumns>
__device__ __forceinline__ void FetchRows(const unsigned* words, int count, unsigned tag,
                                          unsigned to, const Place& at) {
  for (int first = 0; first < count; first += kRows) {
    TaggedRows<kRows, kColumns> rows;
    rows.Load(words + first * kColumns, count - first, tag, at);
    rows.Store(to + first * RowBytes(kColumns), at);
  }
}

}  // namespace forensics
