#ifndef RUNNER_OPS_DOT_LANES_H_
#define RUNNER_OPS_DOT_LANES_H_

#include "runner/ops/lanes.h"

namespace forensics::runner {

// sums[r] = x [in] . weight [kRows, in] row r, in float32. Several rows at a time hide the latency
// of an addition; each row's sum is the same whatever kRows is.
template <int kRows, typename T>
FORENSICS_INLINE void DotRows(const T* x, const T* weight, int64_t in, float* sums) {
  const int64_t whole = in / kLanes * kLanes;
  Lanes lanes[kRows] = {};
  for (int64_t i = 0; i < whole; i += kLanes) {
    const Lanes value = LoadLanes(x + i);
    FORENSICS_UNROLL
    for (int r = 0; r < kRows; ++r) lanes[r] += value * LoadLanes(weight + r * in + i);
  }
  if (whole < in) {
    const Lanes value = LoadSomeLanes(x + whole, in - whole);
    FORENSICS_UNROLL
    for (int r = 0; r < kRows; ++r) {
      lanes[r] += value * LoadSomeLanes(weight + r * in + whole, in - whole);
    }
  }
  FORENSICS_UNROLL
  for (int r = 0; r < kRows; ++r) sums[r] = SumLanes(lanes[r]);
}

// The same for any number of rows.
template <typename T>
FORENSICS_INLINE void DotAllRows(const T* x, const T* weight, int64_t in, int64_t rows,
                                 float* sums) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) DotRows<4>(x, weight + r * in, in, sums + r);
  for (; r < rows; ++r) DotRows<1>(x, weight + r * in, in, sums + r);
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_DOT_LANES_H_
