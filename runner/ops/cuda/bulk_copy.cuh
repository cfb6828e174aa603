// Copies from global to shared memory by the bulk copy engine (sm_90), which keeps neither threads
// nor the load and store units busy. A copy is waited for at a barrier in shared memory.
//
// CUDA 11 cannot assemble its instructions: thread_copy.cuh does the same with those that it can.
#pragma once

#if __CUDACC_VER_MAJOR__ < 12
#include "runner/ops/cuda/thread_copy.cuh"
#else

namespace forensics {

// A barrier that one round of copies after the other goes through; 8 bytes of shared memory.
__device__ __forceinline__ void MakeCopyBarrier(unsigned barrier) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(barrier) : "memory");
}
// By the thread that made them, before the block meets.
__device__ __forceinline__ void PublishCopyBarriers() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

// Begins a round of copies of `bytes` in all, by one thread, which ends it too.
__device__ __forceinline__ void BeginCopies(unsigned barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
               : "memory");
}

// Ends a round: nothing to do, as its bytes are counted.
__device__ __forceinline__ void EndCopies(unsigned /*barrier*/) {}
// The same of a round whose copies all lanes of a warp have begun.
__device__ __forceinline__ void EndCopiesOfWarp(unsigned /*barrier*/, int /*lane*/) {}

// Addresses and bytes are multiples of 16.
__device__ __forceinline__ void BulkCopy(unsigned to, const void* from, int bytes,
                                         unsigned barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
          "r"(to),
      "l"(from), "r"(bytes), "r"(barrier)
      : "memory");
}

// A box of a tensor of two dimensions, as a CUtensorMap describes it, from element (x, y) on.
__device__ __forceinline__ void BulkCopyBox(unsigned to, const void* map, int x, int y,
                                            unsigned barrier) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, "
      "%3}], [%4];" ::"r"(to),
      "l"(map), "r"(x), "r"(y), "r"(barrier)
      : "memory");
}

// Waits for the copies of a round; `parity` is 0 for the first, 1 for the second and so on.
__device__ __forceinline__ void WaitForCopies(unsigned barrier, unsigned parity) {
  unsigned done;
  do {
    asm volatile(
        "{ .reg .pred p;\n"
        "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
        "selp.u32 %0, 1, 0, p; }"
        : "=r"(done)
        : "r"(barrier), "r"(parity)
        : "memory");
  } while (done == 0);
}

// What this thread wrote to shared memory comes before copies that begin after the block met.
__device__ __forceinline__ void FenceBeforeCopies() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

}  // namespace forensics

#endif
