// Begins a decode step: input [batch, hidden], tagged (tagged.cuh) = the rows of embedding [vocab,
// hidden] for token_ids [batch], copied. Clears counters[0], that of the layers' grid barrier, and
// counts the steps in counters[1]. One block of hidden / 8 threads, each 8 elements of a row.
#include "runner/ops/cuda/memory.cuh"
#include "runner/ops/cuda/tagged.cuh"

extern "C" __global__ void decode_begin(const unsigned short* embedding, const long* token_ids,
                                        int batch, unsigned* input, unsigned* counters) {
  const unsigned step = counters[1] + 1;
  const long hidden = blockDim.x * 8L;
  for (int token = 0; token < batch; ++token) {
    const uint4 v = forensics::LoadStream(embedding + token_ids[token] * hidden + threadIdx.x * 8);
    const unsigned pairs[4] = {v.x, v.y, v.z, v.w};
    unsigned* const to = input + token * hidden + threadIdx.x * 8;
    for (int i = 0; i < 8; ++i) {
      const unsigned pair = pairs[i / 2];
      forensics::StoreTagged(to + i, static_cast<unsigned short>(i % 2 == 0 ? pair : pair >> 16),
                             forensics::TagOf(step, 0));
    }
  }
  __syncthreads();
  if (threadIdx.x == 0) counters[0] = 0, counters[1] = step;
}
