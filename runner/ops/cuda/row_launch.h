// How the kernels that work on rows share a row among threads: part of their arithmetic, since a
// sum's order follows from it. For the launch and for the kernels' twins on a CPU.
#ifndef RUNNER_OPS_CUDA_ROW_LAUNCH_H_
#define RUNNER_OPS_CUDA_ROW_LAUNCH_H_

#include <cstdint>

namespace forensics::runner {

// Elements that a thread reads and writes at once; elements.cuh: kChunk.
inline constexpr int64_t kChunkElements = 8;

inline constexpr int64_t kMostNormThreads = 1024;

constexpr int64_t ChunksOf(int64_t width) {
  return (width + kChunkElements - 1) / kChunkElements;
}

// Threads of a block, at most `most`, that share `pieces` evenly in as few rounds as there can be:
// whole warps.
constexpr int RowThreads(int64_t pieces, int64_t most) {
  const int64_t rounds = (pieces + most - 1) / most;
  return static_cast<int>(((pieces + rounds - 1) / rounds + 31) / 32 * 32);
}

// The fewest lanes, a power of two, that hold `half` elements in chunks: its logarithm.
constexpr int LanesOfHeadLog2(int64_t half) {
  int log2 = 0;
  while ((kChunkElements << log2) < half) ++log2;
  return log2;
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_ROW_LAUNCH_H_
