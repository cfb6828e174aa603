// CUDA machine code inside a program, as the rule nvrtc_kernels embeds it.
#ifndef THIRD_PARTY_NVRTC_CUBINS_H_
#define THIRD_PARTY_NVRTC_CUBINS_H_

#include <cstddef>

namespace nvrtc {

// For one architecture.
struct Cubin {
  int arch;  // 90 for sm_90
  const unsigned char* image;
  size_t size;
  const char* report;  // what the assembler said of registers, stack and spills
};

// Of one .cu file, for several architectures.
struct Cubins {
  const char* source;  // path of the .cu file
  const Cubin* entries;
  size_t count;

  // The entry with the given number, or null. Machine code only runs on its own major version:
  // sm_80's on sm_86 but not on sm_90.
  const Cubin* Find(int arch) const {
    for (size_t i = 0; i < count; ++i) {
      if (entries[i].arch == arch) return &entries[i];
    }
    return nullptr;
  }
};

}  // namespace nvrtc

#endif  // THIRD_PARTY_NVRTC_CUBINS_H_
