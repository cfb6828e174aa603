// Intervals of time: when workers were busy, and how long at the same time as something else.
#ifndef RUNNER_ENGINE_BUSY_INTERVALS_H_
#define RUNNER_ENGINE_BUSY_INTERVALS_H_

#include <cstddef>
#include <vector>

namespace forensics::runner {

// In seconds of one monotonic clock; begin <= end.
struct Interval {
  double begin = 0;
  double end = 0;
};

// The busy times of one worker, merged while they are recorded: at most kMost intervals are kept,
// by counting ever longer gaps as busy.
class BusyIntervals {
 public:
  static constexpr size_t kMost = 1024;

  // Not before the end of what was added so far.
  void Add(Interval busy);

  const std::vector<Interval>& intervals() const { return intervals_; }

 private:
  double gap_ = 1e-4;  // seconds: from one product to the next a worker does not count as idle
  std::vector<Interval> intervals_;
};

// Sorted and disjoint: what is covered by any of `intervals`, which may overlap.
std::vector<Interval> UnionOf(std::vector<Interval> intervals);

// Total seconds covered by both; each sorted and disjoint.
double OverlapSeconds(const std::vector<Interval>& a, const std::vector<Interval>& b);

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_BUSY_INTERVALS_H_
