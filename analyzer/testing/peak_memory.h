// What a process has held at most.
#ifndef ANALYZER_TESTING_PEAK_MEMORY_H_
#define ANALYZER_TESTING_PEAK_MEMORY_H_

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

// Sets the high-water mark back to what is held now.
inline void ResetPeak() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace forensics::analyzer

#endif  // ANALYZER_TESTING_PEAK_MEMORY_H_
