// The parts of activations that a lane holds for a product with 4-bit tiles.
#pragma once

#include "runner/ops/cuda/memory.cuh"

namespace forensics {

// Where a thread stands in its block. Made anew in each phase: what follows from it is not kept in
// registers across phases, as the register read is volatile.
struct Place {
  int thread, warp, lane;
  int g, q;  // lane = 4 g + q

  __device__ __forceinline__ Place() {
    asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread));
    warp = thread / 32, lane = thread % 32;
    g = lane / 4, q = lane % 4;
  }
};

// This lane's columns of group `group` of `row`, or zeros unless `is_valid`: as MultiplyGroup wants
// them of row g.
__device__ __forceinline__ void LoadSlice(const unsigned short* row, bool is_valid, int group,
                                          const Place& at, unsigned (&b)[16]) {
  const unsigned short* from = row + 128 * group + 16 * at.q;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    uint4 v = make_uint4(0, 0, 0, 0);
    if (is_valid) v = LoadFromL2(from + i / 2 * 64 + i % 2 * 8);
    b[4 * i] = v.x, b[4 * i + 1] = v.y, b[4 * i + 2] = v.z, b[4 * i + 3] = v.w;
  }
}

// The same of a row in shared memory.
__device__ __forceinline__ void LoadSharedSlice(unsigned row, int group, const Place& at,
                                                unsigned (&b)[16]) {
  const unsigned from = row + (128 * group + 16 * at.q) * 2;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const uint4 v = LoadShared16(from + (i / 2 * 64 + i % 2 * 8) * 2);
    b[4 * i] = v.x, b[4 * i + 1] = v.y, b[4 * i + 2] = v.z, b[4 * i + 3] = v.w;
  }
}

}  // namespace forensics
