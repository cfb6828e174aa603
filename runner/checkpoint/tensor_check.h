// What a checkpoint's files hold against what they must hold.
#ifndef RUNNER_CHECKPOINT_TENSOR_CHECK_H_
#define RUNNER_CHECKPOINT_TENSOR_CHECK_H_

#include <string>

#include "absl/status/status.h"
#include "runner/checkpoint/model_config.h"
#include "runner/checkpoint/tensor_registry.h"
#include "runner/checkpoint/weight_files.h"

namespace forensics::runner {

// InvalidArgument naming file and tensor, expected and found, of the first few tensors that are
// missing, surplus, misshapen or mistyped, and how many there are. Let pass are: lm_head.weight of
// a tied model, where it is the embedding byte for byte; rotary_emb.inv_freq; biases of zero in
// GPTQ, which old writers store of layers that have none.
absl::Status CheckTensors(const std::string& directory, const TensorRegistry& registry,
                          const ModelConfig& config, const WeightFiles::Locations& stored);

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_TENSOR_CHECK_H_
