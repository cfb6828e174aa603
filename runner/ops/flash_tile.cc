#include "runner/ops/flash_tile.h"

namespace forensics::runner {

FlashTileFunction PickFlashTile() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return FlashTileAvx512;
  if (__builtin_cpu_supports("x86-64-v3")) return FlashTileAvx2;
  return FlashTilePortable;
}

}  // namespace forensics::runner
