// Consecutive parts of a whole.
#ifndef RUNNER_PARALLEL_RANGE_H_
#define RUNNER_PARALLEL_RANGE_H_

#include <cstdint>

namespace forensics::runner {

struct Range {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
};

// The index-th of `parts` consecutive ranges of [0, count), whose sizes differ by at most one.
inline Range EvenPart(int64_t count, int parts, int index) {
  return {count * index / parts, count * (index + 1) / parts};
}

}  // namespace forensics::runner

#endif  // RUNNER_PARALLEL_RANGE_H_
