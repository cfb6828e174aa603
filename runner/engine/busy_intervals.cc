#include "runner/engine/busy_intervals.h"

#include <algorithm>
#include <utility>

namespace forensics::runner {
namespace {

// Appends `next` to sorted intervals, or extends the last where the gap is at most `gap`.
void Append(std::vector<Interval>& intervals, const Interval& next, double gap) {
  if (!intervals.empty() && next.begin - intervals.back().end <= gap) {
    intervals.back().end = std::max(intervals.back().end, next.end);
  } else {
    intervals.push_back(next);
  }
}

}  // namespace

void BusyIntervals::Add(Interval busy) {
  Append(intervals_, busy, gap_);
  while (intervals_.size() > kMost) {
    gap_ *= 2;
    for (const Interval& interval : std::exchange(intervals_, {})) {
      Append(intervals_, interval, gap_);
    }
  }
}

std::vector<Interval> UnionOf(std::vector<Interval> intervals) {
  std::sort(intervals.begin(), intervals.end(),
            [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
  std::vector<Interval> merged;
  for (const Interval& interval : intervals) Append(merged, interval, 0);
  return merged;
}

double OverlapSeconds(const std::vector<Interval>& a, const std::vector<Interval>& b) {
  double seconds = 0;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const double begin = std::max(a[i].begin, b[j].begin), end = std::min(a[i].end, b[j].end);
    if (begin < end) seconds += end - begin;
    a[i].end < b[j].end ? ++i : ++j;
  }
  return seconds;
}

}  // namespace forensics::runner
