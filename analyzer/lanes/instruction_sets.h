// Functions that are compiled for several instruction sets, of which the best that this processor
// has is taken. Their bits are the same.
#ifndef ANALYZER_LANES_INSTRUCTION_SETS_H_
#define ANALYZER_LANES_INSTRUCTION_SETS_H_

namespace forensics::analyzer {

// What is inlined into a function is compiled for that function's instruction set.
#define FORENSICS_INLINE __attribute__((always_inline)) inline

// Kernels(Suffix, attributes) defines functions of names with this suffix.
#define FORENSICS_FOR_EACH_INSTRUCTION_SET(Kernels)                  \
  Kernels(Baseline, ) Kernels(Avx2, __attribute__((target("avx2")))) \
      Kernels(Avx512, __attribute__((target("avx512f"))))

// That of these which this processor takes.
template <typename Kernels>
Kernels ForThisProcessor(Kernels baseline, Kernels avx2, Kernels avx512) {
  if (__builtin_cpu_supports("avx512f")) return avx512;
  return __builtin_cpu_supports("avx2") ? avx2 : baseline;
}

}  // namespace forensics::analyzer

#endif  // ANALYZER_LANES_INSTRUCTION_SETS_H_
