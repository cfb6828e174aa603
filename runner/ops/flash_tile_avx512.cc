// Compiled with -march=x86-64-v4.
#include <immintrin.h>

#include "runner/ops/flash_tile_kernel.h"

namespace forensics::runner {
namespace {

struct Avx512 {
  typedef float Vector __attribute__((vector_size(64)));
  typedef int32_t Ints __attribute__((vector_size(64)));
  static constexpr int kWidth = 16, kColumns = 4, kKeys = 6, kDims = 4;
  FLASH_INLINE Vector Fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  FLASH_INLINE Vector All(float x) { return _mm512_set1_ps(x); }
};

}  // namespace

void FlashTileAvx512(const FlashTile& tile) { FlashKernel<Avx512>::Run(tile); }

}  // namespace forensics::runner
