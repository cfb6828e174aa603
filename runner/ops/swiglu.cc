#include "runner/ops/swiglu.h"

#include <ATen/ops/empty.h>

#include "runner/ops/kernel_log.h"
#include "runner/ops/parallel.h"
#include "runner/ops/swiglu_lanes.h"

namespace forensics::runner {
namespace {

template <typename T>
FORENSICS_TARGET_CLONES void SwiGluRows(const T* gate_up, int64_t rows, int64_t width, T* out) {
  for (int64_t row = 0; row < rows; ++row) {
    const T* gate = gate_up + row * 2 * width;
    SwiGluRow(gate, gate + width, width, out + row * width);
  }
}

}  // namespace

at::Tensor SwiGlu(const at::Tensor& gate_up) {
  const int64_t rows = gate_up.size(0), width = gate_up.size(1) / 2;
  RecordKernel("swiglu/own", {{"width", width}}, rows);
  at::Tensor out = at::empty({rows, width}, gate_up.options());
  ForFloatType(gate_up.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = gate_up.const_data_ptr<T>();
    T* to = out.mutable_data_ptr<T>();
    ParallelFor(rows, 4096 / width + 1, [&](int64_t begin, int64_t end) {
      SwiGluRows(from + begin * 2 * width, end - begin, width, to + begin * width);
    });
  });
  return out;
}

}  // namespace forensics::runner
