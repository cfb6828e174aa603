// Which models the captured decode step of own kernels (runner/ops/cuda/decode_step.h) is there
// for, whatever the machine.
#ifndef RUNNER_MODEL_DECODE_STEP_SUPPORT_H_
#define RUNNER_MODEL_DECODE_STEP_SUPPORT_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "runner/checkpoint/model_config.h"
#include "runner/ops/cuda/decode_step.h"

namespace forensics::runner {

DecodeDims DecodeDimsOf(const ModelConfig& config);

// By the config. A checkpoint whose weights cannot be kept in 4 bits (runner/ops/cuda/tile_fit.h)
// has none nevertheless, which its files show.
bool HasDecodeStep(const ModelConfig& config, int64_t batch);

// FailedPrecondition: the config promised a step and the files of `directory` do not allow it, so
// that a manifest would be wrong.
absl::Status NoDecodeStepError(const std::string& directory);

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_DECODE_STEP_SUPPORT_H_
