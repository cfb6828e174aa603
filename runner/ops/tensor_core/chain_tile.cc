#include "runner/ops/tensor_core/chain_tile.h"

namespace forensics::runner {

ChainTileFunction PickChainTile(int products) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return ChainTileAvx512(products);
  if (__builtin_cpu_supports("x86-64-v3")) return ChainTileAvx2(products);
  return nullptr;
}

}  // namespace forensics::runner
