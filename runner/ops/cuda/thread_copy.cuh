// bulk_copy.cuh for CUDA 11: the same bytes in the same places, at the same barriers, but copied 16
// at a time by the threads that ask for them. Slower; no result depends on it.
#pragma once

#include "runner/ops/cuda/decode_arguments.h"
#include "runner/ops/cuda/memory.cuh"

namespace forensics {

__device__ __forceinline__ void MakeCopyBarrier(unsigned barrier) {
  asm volatile("mbarrier.init.shared.b64 [%0], 1;" ::"r"(barrier) : "memory");
}
__device__ __forceinline__ void PublishCopyBarriers() {}

__device__ __forceinline__ void BeginCopies(unsigned /*barrier*/, int /*bytes*/) {}

// The round is over when this thread has come here and all copies that were begun before have
// arrived.
__device__ __forceinline__ void EndCopies(unsigned barrier) {
  asm volatile("{ .reg .b64 state;\n mbarrier.arrive.shared.b64 state, [%0]; }" ::"r"(barrier)
               : "memory");
}
__device__ __forceinline__ void EndCopiesOfWarp(unsigned barrier, int lane) {
  __syncwarp();
  if (lane == 0) EndCopies(barrier);
}

// The barrier waits for one arrival more, which comes when this thread's copies have arrived.
__device__ __forceinline__ void ArriveWhenCopied(unsigned barrier) {
  asm volatile("cp.async.mbarrier.arrive.shared.b64 [%0];" ::"r"(barrier) : "memory");
}

__device__ __forceinline__ void BulkCopy(unsigned to, const void* from, int bytes,
                                         unsigned barrier) {
#pragma unroll 4
  for (int i = 0; i < bytes; i += 16) CopyAsync(to + i, static_cast<const char*>(from) + i);
  ArriveWhenCopied(barrier);
}

// 16 bytes, or as many zeros unless `is_there`.
__device__ __forceinline__ void CopyAsyncOrZero(unsigned to, const void* from, bool is_there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from),
               "r"(is_there ? 16 : 0)
               : "memory");
}

// map: CacheRows. The chunks of 16 bytes of each row are permuted as the copy engine permutes them.
__device__ __forceinline__ void BulkCopyBox(unsigned to, const void* map, int x, int y,
                                            unsigned barrier) {
  const CacheRows rows = *static_cast<const CacheRows*>(map);
  const int chunks = rows.box_columns / 8;
  const unsigned short* from = rows.first + static_cast<long long>(y) * rows.columns + x;
#pragma unroll 1
  for (int row = 0; row < kKeyBlock; ++row, from += rows.columns, to += rows.box_columns * 2) {
    const int swizzle = chunks == 8 ? row % 8 : row / 2 % 4;
    const bool is_there = y + row < rows.count;
#pragma unroll 4
    for (int chunk = 0; chunk < chunks; ++chunk) {
      CopyAsyncOrZero(to + (chunk ^ swizzle) * 16, is_there ? from + chunk * 8 : rows.first,
                      is_there);
    }
  }
  ArriveWhenCopied(barrier);
}

__device__ __forceinline__ void WaitForCopies(unsigned barrier, unsigned parity) {
  unsigned done;
  do {
    asm volatile(
        "{ .reg .pred p;\n"
        "mbarrier.try_wait.parity.shared.b64 p, [%1], %2;\n"
        "selp.u32 %0, 1, 0, p; }"
        : "=r"(done)
        : "r"(barrier), "r"(parity)
        : "memory");
  } while (done == 0);
}

__device__ __forceinline__ void FenceBeforeCopies() {}

}  // namespace forensics
