#ifndef RUNNER_OPS_SWIGLU_LANES_H_
#define RUNNER_OPS_SWIGLU_LANES_H_

#include "runner/ops/lanes.h"

namespace forensics::runner {

template <typename T>
FORENSICS_INLINE Lanes SwiGluLanes(Lanes gate, Lanes up) {
  return RoundLanes<T>(gate / (1.0f + ExpLanes(-gate))) * up;
}

// gate, up, out [width].
template <typename T>
FORENSICS_INLINE void SwiGluRow(const T* gate, const T* up, int64_t width, T* out) {
  const int64_t whole = width / kLanes * kLanes, rest = width - whole;
  for (int64_t i = 0; i < whole; i += kLanes) {
    StoreLanes(SwiGluLanes<T>(LoadLanes(gate + i), LoadLanes(up + i)), out + i);
  }
  StoreSomeLanes(SwiGluLanes<T>(LoadSomeLanes(gate + whole, rest), LoadSomeLanes(up + whole, rest)),
                 out + whole, rest);
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_SWIGLU_LANES_H_
