// Where the twins get a linear layer's weight from: they ask for it anew for each product and hold
// it no longer, so that a model needs no more memory than it is stored in.
#ifndef RUNNER_OPS_EMULATED_LINEAR_WEIGHT_H_
#define RUNNER_OPS_EMULATED_LINEAR_WEIGHT_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "runner/ops/emulated/quantized_matrix.h"

namespace forensics::runner {

class LinearWeight {
 public:
  virtual ~LinearWeight() = default;

  // Whether the GPU keeps it in 4 bits; if not, Quantized() is not to be called.
  virtual bool IsQuantized() const = 0;

  // bfloat16 patterns [out, in], row-major: what a GPU makes of it for products of many rows.
  virtual absl::StatusOr<std::shared_ptr<const uint16_t[]>> Dense() const = 0;

  // Numbers and scales apart [out, in]: what a GPU multiplies few rows by.
  virtual absl::StatusOr<QuantizedMatrix> Quantized() const = 0;
};

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EMULATED_LINEAR_WEIGHT_H_
