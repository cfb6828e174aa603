// 4-bit weights of linear layers as they lie in the GPU's memory: one layout for AWQ, GPTQ and NF4,
// made so that one 32-bit word of a lane is one A fragment of mma.m16n8k16.
#ifndef RUNNER_OPS_CUDA_QUANTIZED_WEIGHT_H_
#define RUNNER_OPS_CUDA_QUANTIZED_WEIGHT_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace forensics::runner {

inline constexpr int64_t kTileRows = 16;
inline constexpr int64_t kTileColumns = 64;
inline constexpr int64_t kScaleGroup = 128;  // columns that share a scale, AWQ and GPTQ
inline constexpr int64_t kNf4Block = 64;     // columns that share a scale, NF4

// One weight [rows, columns], or a stack of `count` of one shape (the experts of a layer).
//
// Tiles of 16 rows by 64 columns, row tile by row tile. Word t (0 to 3) of lane 4 g + q of tile (r,
// c) holds columns k = 64 c + 16 q + 4 t + {0, 1, 2, 3}: its nibbles 0, 4, 2, 6 are row 16 r + g,
// its nibbles 1, 5, 3, 7 row 16 r + g + 8, in the order of k.
struct QuantizedWeight {
  int64_t count = 0;
  int64_t rows = 0;     // a multiple of 16
  int64_t columns = 0;  // a multiple of 128
  at::Tensor tiles;     // int32 [count, rows / 16, columns / 64, 32 lanes, 4 words]

  // AWQ and GPTQ, int32 [count, rows / 16, columns / 128, 16 rows]: the low half is the bits of the
  // checkpoint's float16 scale, the high half the integer zero point, 0 to 16. The weight is
  // (nibble - zero) * scale.
  // NF4, float32 [count, rows / 16, columns / 64, 16 rows]: the block's largest magnitude. The
  // weight is levels[nibble] * scale.
  at::Tensor scales;
  at::Tensor levels;  // NF4: float32 [16]; undefined otherwise

  bool IsNf4() const { return levels.defined(); }
};

// Whether a weight of this shape can be kept so.
constexpr bool FitsTiles(int64_t rows, int64_t columns) {
  return rows % kTileRows == 0 && columns % kScaleGroup == 0;
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_QUANTIZED_WEIGHT_H_
