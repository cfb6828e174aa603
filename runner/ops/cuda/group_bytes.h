// Sizes of what a warp multiplies at a time with a 4-bit weight (quantized_weight.h): a group of
// 128 columns of a row tile; C++ and CUDA C++ alike.
#ifndef RUNNER_OPS_CUDA_GROUP_BYTES_H_
#define RUNNER_OPS_CUDA_GROUP_BYTES_H_

namespace forensics {

constexpr int kGroupTileBytes = 2 * 512;

template <bool kNf4>
constexpr int kGroupScaleBytes = kNf4 ? 128 : 64;

// In shared memory: the tiles, then the scales.
template <bool kNf4>
constexpr int kGroupBytes = kGroupTileBytes + kGroupScaleBytes<kNf4>;

}  // namespace forensics

#endif  // RUNNER_OPS_CUDA_GROUP_BYTES_H_
