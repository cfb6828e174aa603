// A linear layer of a checkpoint as the twins of the GPU's kernels ask for it: unpacked from the
// mapped files each time, so that what is kept is as large as it is stored.
#ifndef RUNNER_MODEL_CHECKPOINT_LINEAR_H_
#define RUNNER_MODEL_CHECKPOINT_LINEAR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/ops/emulated/linear_weight.h"

namespace forensics::runner {

// A checkpoint's modules one below the other, in the GPU's forms (runner/ops/cuda/tile_fit.h).
class CheckpointLinear : public LinearWeight {
 public:
  // The layers that a GPU keeps in one tensor, such as a layer's experts: as there, all in 4 bits
  // or none. Looks at how the modules are stored, and unpacks none. `checkpoint` must outlive them.
  // Errors of this and of the functions below are the checkpoint's.
  static absl::StatusOr<std::vector<CheckpointLinear>> CreateStack(
      const Checkpoint& checkpoint, std::vector<std::vector<std::string>> stack);

  // A stack of one.
  static absl::StatusOr<CheckpointLinear> Create(const Checkpoint& checkpoint,
                                                 std::vector<std::string> modules);

  bool IsQuantized() const override { return is_quantized_; }

  // Each module as Checkpoint::LinearWeight gives it in bfloat16.
  absl::StatusOr<std::shared_ptr<const uint16_t[]>> Dense() const override;

  absl::StatusOr<QuantizedMatrix> Quantized() const override;

 private:
  CheckpointLinear(const Checkpoint& checkpoint, std::vector<std::string> modules,
                   bool is_quantized)
      : checkpoint_(&checkpoint), modules_(std::move(modules)), is_quantized_(is_quantized) {}

  const Checkpoint* checkpoint_;
  std::vector<std::string> modules_;
  bool is_quantized_;
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_CHECKPOINT_LINEAR_H_
