// A config of a few million weights for tests, with Qwen3-30B-A3B's proportions.
#ifndef TESTDATA_SYNTHESIS_TESTING_SMALL_CONFIG_H_
#define TESTDATA_SYNTHESIS_TESTING_SMALL_CONFIG_H_

#include <string>

#include "absl/strings/str_format.h"

namespace forensics::synthesis {

// config.json; vocab_size is 1000.
inline std::string SmallConfigJson(int layers) {
  return absl::StrFormat(R"({
    "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "hidden_act": "silu",
    "vocab_size": 1000, "hidden_size": 512, "num_hidden_layers": %d, "num_attention_heads": 8,
    "num_key_value_heads": 2, "head_dim": 64, "intermediate_size": 1024,
    "max_position_embeddings": 4096, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
    "tie_word_embeddings": false, "num_experts": 32, "num_experts_per_tok": 4,
    "moe_intermediate_size": 128, "norm_topk_prob": true, "decoder_sparse_step": 1,
    "mlp_only_layers": [], "torch_dtype": "bfloat16"})",
                         layers);
}

}  // namespace forensics::synthesis

#endif  // TESTDATA_SYNTHESIS_TESTING_SMALL_CONFIG_H_
