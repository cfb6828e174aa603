#include "runner/cuda/memory.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <torch/version.h>

namespace forensics::runner {

void ReleaseCachedMemory() {
#if TORCH_VERSION_MAJOR > 2 || \
    TORCH_VERSION_MINOR >= 9  // those before have no way but libtorch_cuda's
  c10::getDeviceAllocator(c10::kCUDA)->emptyCache();
#endif
}

}  // namespace forensics::runner
