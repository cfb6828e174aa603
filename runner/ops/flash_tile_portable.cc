// For any CPU; slow where the C library has no hardware for a fused multiply-add.
#include "runner/ops/flash_tile_kernel.h"

namespace forensics::runner {
namespace {

struct Portable {
  typedef float Vector __attribute__((vector_size(16)));
  typedef int32_t Ints __attribute__((vector_size(16)));
  static constexpr int kWidth = 4, kColumns = 1, kKeys = 4, kDims = 2;
  FLASH_INLINE Vector Fma(Vector a, Vector b, Vector c) {
    for (int i = 0; i < kWidth; ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
  }
  FLASH_INLINE Vector All(float x) { return Vector{x, x, x, x}; }
};

}  // namespace

void FlashTilePortable(const FlashTile& tile) { FlashKernel<Portable>::Run(tile); }

}  // namespace forensics::runner
