// The dimensions of Qwen3-30B-A3B, for tests of what fits into memory.
#ifndef RUNNER_ENGINE_TESTING_FULL_SIZE_MODEL_H_
#define RUNNER_ENGINE_TESTING_FULL_SIZE_MODEL_H_

#include "runner/checkpoint/model_config.h"

namespace forensics::runner {

// Not quantised.
inline ModelConfig FullSizeModel() {
  ModelConfig config;
  config.vocab_size = 151936;
  config.hidden_size = 2048;
  config.num_hidden_layers = 48;
  config.num_attention_heads = 32;
  config.num_key_value_heads = 4;
  config.head_dim = 128;
  config.num_experts = 128;
  config.num_experts_per_tok = 8;
  config.moe_intermediate_size = 768;
  return config;
}

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_TESTING_FULL_SIZE_MODEL_H_
