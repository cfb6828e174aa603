// Compiled with -march=x86-64-v3.
#include <immintrin.h>

#include "runner/ops/flash_tile_kernel.h"

namespace forensics::runner {
namespace {

struct Avx2 {
  typedef float Vector __attribute__((vector_size(32)));
  typedef int32_t Ints __attribute__((vector_size(32)));
  static constexpr int kWidth = 8, kColumns = 2, kKeys = 6, kDims = 4;
  FLASH_INLINE Vector Fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  FLASH_INLINE Vector All(float x) { return _mm256_set1_ps(x); }
};

}  // namespace

void FlashTileAvx2(const FlashTile& tile) { FlashKernel<Avx2>::Run(tile); }

}  // namespace forensics::runner
