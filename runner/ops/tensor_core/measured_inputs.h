// The inputs of the measurements in testdata/hopper (its README.md).
#ifndef RUNNER_OPS_TENSOR_CORE_MEASURED_INPUTS_H_
#define RUNNER_OPS_TENSOR_CORE_MEASURED_INPUTS_H_

#include <cstdint>
#include <vector>

#include "runner/ops/tensor_core/dot_add.h"
#include "runner/ops/tensor_core/round.h"

namespace forensics::runner {

// The first `count` elements of the tensor with this seed, rounded, times `factor`, a power of two.
inline std::vector<uint16_t> MeasuredInputs(InputFormat format, uint64_t seed, int64_t count,
                                            float factor = 1) {
  std::vector<uint16_t> values(count);
  for (int64_t i = 0; i < count; ++i) {
    uint64_t x =
        ((seed << 32) + static_cast<uint64_t>(i)) * 0x9e3779b97f4a7c15u + 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    const float value =
        static_cast<float>(static_cast<int64_t>(x >> 40) - (int64_t{1} << 23)) * 0x1p-23f;
    values[i] = Round(format, value * factor);
  }
  return values;
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_MEASURED_INPUTS_H_
