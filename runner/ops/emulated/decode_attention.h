// The attention phases of the decode step's twin (runner/ops/cuda/decode_attention.cuh).
#ifndef RUNNER_OPS_EMULATED_DECODE_ATTENTION_H_
#define RUNNER_OPS_EMULATED_DECODE_ATTENTION_H_

#include <cstdint>

#include "runner/ops/tensor_core/dot_add.h"

namespace forensics::runner {

// Which attention the GPU would run: flash_attention_2 or eager.
enum class EmulatedAttention { kFlash, kEager };

// A head [dim] normalised by weight [dim] and rotated by cos, sin [dim / 2] -> out [dim].
void TurnHeadTwin(const uint16_t* head, const uint16_t* weight, float eps, const float* cos,
                  const float* sin, int64_t dim, uint16_t* out);

// queries [group, dim] of one key-value head against the keys and values [position + 1, dim] ->
// out [group, dim], in blocks of 192 keys.
void DecodeAttentionTwin(const TensorCore& core, EmulatedAttention attention,
                         const uint16_t* queries, int64_t group, const uint16_t* keys,
                         const uint16_t* values, int64_t position, int64_t dim, uint16_t* out);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EMULATED_DECODE_ATTENTION_H_
