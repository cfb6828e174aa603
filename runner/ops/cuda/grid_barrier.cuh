// A barrier over all blocks of a kernel whose blocks run at the same time (a cooperative launch).
// In two halves, so that a block can use the time in between.
#pragma once

namespace forensics {

class GridBarrier {
 public:
  // `arrivals` is zero before the kernel starts.
  __device__ explicit GridBarrier(unsigned* arrivals) : arrivals_(arrivals), target_(0) {}

  // By all threads. What this block wrote before is seen by any block after its Wait().
  __device__ void Arrive() {
    __syncthreads();
    if (threadIdx.x == 0) {
      asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(arrivals_) : "memory");
    }
    target_ += gridDim.x;
  }

  // By all threads. Data of other blocks must be read through L2 afterwards.
  __device__ void Wait() const {
    if (threadIdx.x == 0) {
      unsigned arrived;
      do {
        asm volatile("ld.acquire.gpu.global.u32 %0, [%1];"
                     : "=r"(arrived)
                     : "l"(arrivals_)
                     : "memory");
      } while (arrived < target_);
    }
    __syncthreads();
  }

 private:
  unsigned* arrivals_;
  unsigned target_;
};

}  // namespace forensics
