// The inner kernel of our FlashAttention-2: one tile of queries against all keys that they may see.
//
// Queries lie along the vector lanes, so that no sum crosses lanes and each query's arithmetic is
// one fixed sequence of scalar operations, whatever the vector width: key blocks of kKeyBlock in
// ascending order; within one, scores and values as chains of fused multiply-adds over head_dim and
// over keys; between them, the online softmax's rescaling. The variants below differ in speed
// alone.
#ifndef RUNNER_OPS_FLASH_TILE_H_
#define RUNNER_OPS_FLASH_TILE_H_

#include <cstdint>

namespace forensics::runner {

constexpr int64_t kQueryTile = 64;
constexpr int64_t kKeyBlock = 96;

struct FlashTile {
  const float* queries;  // [head_dim, kQueryTile], times log2(e) / sqrt(head_dim)
  const float* keys;     // [length, head_dim]
  const float* values;   // [length, head_dim]
  int64_t head_dim;      // even
  int64_t rows;          // queries in use, 1 to kQueryTile
  int64_t visible;       // keys that query 0 sees; query i sees visible + i
  float* scores;         // scratch [kKeyBlock, kQueryTile]
  float* out;            // [head_dim, kQueryTile]: softmax(scores) times values
};

using FlashTileFunction = void (*)(const FlashTile& tile);

void FlashTileAvx512(const FlashTile& tile);
void FlashTileAvx2(const FlashTile& tile);
void FlashTilePortable(const FlashTile& tile);

// The fastest variant for this CPU.
FlashTileFunction PickFlashTile();

}  // namespace forensics::runner

#endif  // RUNNER_OPS_FLASH_TILE_H_
