// Rotary position embedding (Su et al. 2021): the angles.
#ifndef RUNNER_MODEL_ROTARY_EMBEDDING_H_
#define RUNNER_MODEL_ROTARY_EMBEDDING_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "runner/checkpoint/model_config.h"
#include "runner/ops/rotary.h"

namespace forensics::runner {

// inv_freq of Hugging Face: [head_dim / 2], theta^(-2i / head_dim), with Llama 3's scaling where
// the config has it (modeling_rope_utils: _compute_llama3_parameters). Rounded to float32 at each
// step as there, so that angles at far positions agree; powers are taken in double, so that they do
// not depend on the CPU.
std::vector<float> RotaryFrequencies(const ModelConfig& config);

// The table of the first `positions`, on the CPU. The angle is the float32 product of position and
// frequency; its cosine and sine are taken in double, rounded to float32, then to `dtype`.
RotaryTable MakeRotaryTable(const std::vector<float>& frequencies, int64_t positions,
                            at::ScalarType dtype);

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_ROTARY_EMBEDDING_H_
