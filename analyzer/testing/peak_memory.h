// What a process has held at most.
#ifndef ANALYZER_TESTING_PEAK_MEMORY_H_
#define ANALYZER_TESTING_PEAK_MEMORY_H_

#include <sys/mman.h>
#include <sys/resource.h>

#include <cstddef>
#include <fstream>

namespace forensics::analyzer {

// Since the process began or ResetPeak.
inline size_t PeakBytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<size_t>(usage.ru_maxrss) * 1024;
}

// Sets the high-water mark back to what is held now. False where the kernel leaves it: what a test
// then does below the mark is not seen, so that it could not fail.
inline bool ResetPeak() {
  constexpr size_t kPassing = size_t{64} << 20;
  void* const passing = mmap(nullptr, kPassing, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (passing == MAP_FAILED) return false;
  munmap(passing, kPassing);
  const size_t before = PeakBytes();
  std::ofstream("/proc/self/clear_refs") << "5";
  return PeakBytes() + kPassing / 2 <= before;
}

}  // namespace forensics::analyzer

#endif  // ANALYZER_TESTING_PEAK_MEMORY_H_
