// The choice of experts (runner/ops/router.h). logits [tokens, experts] -> ids int32 and weights
// float32 [tokens, slots]. One warp a token; lane l holds the experts l, l + 32, ...
//
// Arithmetic in float32: e = e^(logit - largest logit), with e^x = ex2.approx.ftz(x * log2(e)), the
// difference and the product rounded; a lane adds its own in ascending order from 0, WarpSum the
// lanes; probability = e / total, an IEEE division. The largest probabilities are taken, ties to
// the lower id (NaN, as it comes from total, is one value). With normalisation the weight is
// probability / sum, IEEE, sum taken in slot order from 0; then the weight is rounded to the dtype.
#include "runner/ops/cuda/elements.cuh"
#include "runner/ops/cuda/special_functions.cuh"
#include "runner/ops/cuda/warp.cuh"

namespace forensics {

constexpr int kPerLane = 8;  // at most 256 experts
constexpr unsigned kWarp = 0xffffffffu;
constexpr unsigned kTaken = 0;

// Orders probabilities, which are not negative, as integers; above kTaken.
__device__ __forceinline__ unsigned KeyOf(float probability) {
  return __float_as_uint(probability) + 1;
}
__device__ __forceinline__ float ProbabilityOf(unsigned key) { return __uint_as_float(key - 1); }

// keys [experts]: of the softmax of logits [experts], lane's part; kTaken where there is no expert.
template <typename T>
__device__ __forceinline__ void Softmax(const T* logits, int experts, int lane,
                                        unsigned (&keys)[kPerLane]) {
  const float lowest = __uint_as_float(0xff800000u);  // minus infinity
  float x[kPerLane];
  float largest = lowest;
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    const int expert = lane + 32 * i;
    x[i] = expert < experts ? ToFloat(logits[expert]) : lowest;
    largest = fmaxf(largest, x[i]);
  }
  largest = WarpMax(largest);
  float sum = 0;
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    x[i] = lane + 32 * i < experts ? Exp(x[i] - largest) : 0.0f;
    sum += x[i];
  }
  const float total = WarpSum(sum);
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    keys[i] = lane + 32 * i < experts ? KeyOf(__fdiv_rn(x[i], total)) : kTaken;
  }
}

// The expert of the largest key, the lowest of several; sets its key to kTaken.
__device__ __forceinline__ int TakeLargest(int lane, unsigned (&keys)[kPerLane],
                                           unsigned* largest) {
  unsigned key = kTaken;
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) key = max(key, keys[i]);
  key = __reduce_max_sync(kWarp, key);
  unsigned expert = ~0u;
#pragma unroll
  for (int i = kPerLane - 1; i >= 0; --i) {
    if (keys[i] == key) expert = lane + 32 * i;
  }
  expert = __reduce_min_sync(kWarp, expert);
#pragma unroll
  for (int i = 0; i < kPerLane; ++i) {
    if (expert == lane + 32 * i) keys[i] = kTaken;
  }
  *largest = key;
  return static_cast<int>(expert);
}

// slots <= min(32, experts)
template <typename T>
__device__ __forceinline__ void RouteTokens(const T* logits, int* ids, float* weights, int tokens,
                                            int experts, int slots, bool normalise) {
  const int token = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (token >= tokens) return;
  unsigned keys[kPerLane];
  Softmax(logits + static_cast<long long>(token) * experts, experts, lane, keys);
  float sum = 0, weight = 0;
  int id = 0;
  for (int slot = 0; slot < slots; ++slot) {
    unsigned key;
    const int expert = TakeLargest(lane, keys, &key);
    const float probability = ProbabilityOf(key);
    sum += probability;
    if (lane == slot) {
      id = expert;
      weight = probability;
    }
  }
  if (lane >= slots) return;
  if (normalise) weight = __fdiv_rn(weight, sum);
  ids[token * slots + lane] = id;
  weights[token * slots + lane] = Rounded<T>(weight);
}

extern "C" __global__ void route_tokens_bf16(const Bf16* logits, int* ids, float* weights,
                                             int tokens, int experts, int slots, int normalise) {
  RouteTokens(logits, ids, weights, tokens, experts, slots, normalise);
}

extern "C" __global__ void route_tokens_f32(const float* logits, int* ids, float* weights,
                                            int tokens, int experts, int slots, int normalise) {
  RouteTokens(logits, ids, weights, tokens, experts, slots, normalise);
}

}  // namespace forensics
