// Twin of the GPU's captured decode step (runner/ops/cuda/decode_layers.cuh and the headers of its
// phases, lm_head.cu): one token through all layers, the same bits on a CPU.
//
// The model's description is that of a whole forward pass too (forward_pass.h).
#ifndef RUNNER_OPS_EMULATED_DECODE_STEP_H_
#define RUNNER_OPS_EMULATED_DECODE_STEP_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/ops/emulated/decode_attention.h"
#include "runner/ops/emulated/linear_weight.h"
#include "runner/ops/tensor_core/dot_add.h"
#include "runner/ops/tensor_core/parallel_for.h"

namespace forensics::runner {

struct EmulatedDecodeDims {
  int64_t hidden;
  int64_t heads;
  int64_t kv_heads;
  int64_t head_dim;
  int64_t experts;
  int64_t slots;
  int64_t width;  // of an expert
  int64_t vocab;
};

// Weights and cache of a layer; bfloat16 patterns, row-major. What is pointed to outlives the step.
struct EmulatedDecodeLayer {
  const uint16_t* input_norm;                // [hidden]
  const LinearWeight* qkv;                   // [(heads + 2 kv_heads) * head_dim, hidden]
  const uint16_t* query_norm;                // [head_dim]
  const uint16_t* key_norm;                  // [head_dim]
  const LinearWeight* o_proj;                // [hidden, heads * head_dim]
  const uint16_t* post_attention_norm;       // [hidden]
  const uint16_t* router;                    // [experts, hidden]
  std::vector<const LinearWeight*> gate_up;  // of each expert [2 * width, hidden], gates first
  std::vector<const LinearWeight*> down;     // of each expert [hidden, width]
  uint16_t* keys;    // [batch, kv_heads, capacity, head_dim]; the step writes the token's
  uint16_t* values;  // likewise
};

struct EmulatedDecodeModel {
  TensorCore core;
  EmulatedAttention attention;
  EmulatedDecodeDims dims;
  float eps;
  bool normalise;  // the chosen experts' weights
  std::vector<EmulatedDecodeLayer> layers;
  const uint16_t* final_norm;  // [hidden]
  const uint16_t* lm_head;     // [vocab, hidden]
  const float* cos;            // [capacity, head_dim / 2]
  const float* sin;
  int64_t capacity;
};

// What a step leaves beside the cache's new keys and values.
struct EmulatedStep {
  std::vector<std::vector<uint16_t>> hidden_states;  // after each layer [hidden]
  std::vector<uint16_t> logits;                      // [vocab]
};

// Feeds sequence `sequence` the token whose embedding [hidden] is given, at `position`. What else
// is in the batch does not show in the bits, nor does parallel_for. All linear weights are
// quantised; errors are theirs.
absl::StatusOr<EmulatedStep> DecodeStepTwin(const EmulatedDecodeModel& model,
                                            const uint16_t* embedding, int64_t position,
                                            int64_t sequence, ParallelForFunction parallel_for);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EMULATED_DECODE_STEP_H_
