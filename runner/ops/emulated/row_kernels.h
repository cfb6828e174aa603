// Twins of the GPU's kernels that work on rows: the same bits, on a CPU.
//
// Each states in its GPU source (runner/ops/cuda/NAME.cu) what it computes in which order; what
// follows is the same arithmetic, one output after another. All tensors are bfloat16 patterns,
// row-major; functions take the rows [begin, end) of them, so that callers can share rows among
// threads.
#ifndef RUNNER_OPS_EMULATED_ROW_KERNELS_H_
#define RUNNER_OPS_EMULATED_ROW_KERNELS_H_

#include <cstdint>

namespace forensics::runner {

// rms_norm.cu. x, out [rows, width], weight [width].
void RmsNormTwin(const uint16_t* x, const uint16_t* weight, float eps, int64_t width, int64_t begin,
                 int64_t end, uint16_t* out);

// The same of residual + x, rounded, which replaces the residual [rows, width].
void AddRmsNormTwin(uint16_t* residual, const uint16_t* x, const uint16_t* weight, float eps,
                    int64_t width, int64_t begin, int64_t end, uint16_t* out);

// A head of split_heads.cu: norm (`weight` null: none), then rotation (`cos`, `sin` [dim / 2]
// null: none). head, weight, out [dim]; out may be head.
void SplitHeadTwin(const uint16_t* head, const uint16_t* weight, float eps, const float* cos,
                   const float* sin, int64_t dim, uint16_t* out);

// route_tokens.cu. logits [tokens, experts], at most 256 experts; ids, weights [tokens, slots], at
// most 32 slots.
void RouteTokensTwin(const uint16_t* logits, int64_t experts, int64_t slots, bool normalise,
                     int64_t begin, int64_t end, int32_t* ids, float* weights);

// swiglu.cu. gate_up [rows, 2 width], gates first; out [rows, width].
void SwiGluTwin(const uint16_t* gate_up, int64_t width, int64_t begin, int64_t end, uint16_t* out);

// weighted_sum.cu. y [places, width]; place_of [tokens, slots], -1: not held; weights [tokens,
// slots]; out [tokens, width].
void WeightedSumTwin(const uint16_t* y, const int32_t* place_of, const float* weights,
                     int64_t slots, int64_t width, int64_t begin, int64_t end, uint16_t* out);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_EMULATED_ROW_KERNELS_H_
