// From a fused query-key-value product to queries and a cache's new keys and values
// (runner/ops/rotary.h). qkv [batch * tokens, (heads + 2 kv_heads) * head_dim]. Some lanes of a
// warp a head; lane l holds the elements 8 l ... 8 l + 7 of the head's lower half and those of its
// upper half, so that rotation exchanges nothing.
//
// Arithmetic in float32, round() to the dtype. Norm (queries and keys, where there is one): a
// lane's sum of squares starts at 0 and takes the lower, then the upper elements in ascending
// order, sum = fma(x, x, sum); lanes are added by v += v of lane ^ n, n = lanes / 2 ... 2, 1; scale
// = rsqrt.approx.ftz(sum / head_dim + eps), the division IEEE; x = round(round(x * scale) *
// weight). Rotation: lower = round(round(lower * cos) + round(-upper * sin)), upper =
// round(round(upper * cos) + round(lower * sin)). Values are copied.
#include "runner/ops/cuda/elements.cuh"
#include "runner/ops/cuda/special_functions.cuh"
#include "runner/ops/cuda/split_heads_arguments.h"

namespace forensics {

// A lane's part of a head.
struct Halves {
  float lower[kChunk], upper[kChunk];
};

// The place of a lane's part: `first` of `half` elements in either half.
struct Place {
  int first, half;
  bool aligned;
};

template <typename T>
__device__ __forceinline__ Halves LoadHalves(const T* head, const Place& at) {
  Halves x;
  LoadFrom(head, at.first, at.half, at.aligned, x.lower);
  LoadFrom(head + at.half, at.first, at.half, at.aligned, x.upper);
  return x;
}

template <typename T>
__device__ __forceinline__ void StoreHalves(const Halves& x, const Place& at, T* head) {
  StoreTo(x.lower, at.first, at.half, at.aligned, head);
  StoreTo(x.upper, at.first, at.half, at.aligned, head + at.half);
}

// All lanes of the warp take part in the exchange.
template <typename T>
__device__ __forceinline__ void Normalise(const T* weight, const Place& at, float eps, int lanes,
                                          Halves& x) {
  float squares = 0;
#pragma unroll
  for (int i = 0; i < kChunk; ++i) squares = fmaf(x.lower[i], x.lower[i], squares);
#pragma unroll
  for (int i = 0; i < kChunk; ++i) squares = fmaf(x.upper[i], x.upper[i], squares);
  for (int n = lanes / 2; n > 0; n /= 2) squares += __shfl_xor_sync(0xffffffffu, squares, n);
  if (weight == nullptr) return;
  const float mean = __fdiv_rn(squares, static_cast<float>(2 * at.half));
  const float scale = ReciprocalSqrt(mean + eps);
  const Halves factor = LoadHalves(weight, at);
#pragma unroll
  for (int i = 0; i < kChunk; ++i) {
    x.lower[i] = Rounded<T>(Rounded<T>(x.lower[i] * scale) * factor.lower[i]);
    x.upper[i] = Rounded<T>(Rounded<T>(x.upper[i] * scale) * factor.upper[i]);
  }
}

// cos, sin [half]
template <typename T>
__device__ __forceinline__ void Rotate(const float* cos, const float* sin, const Place& at,
                                       Halves& x) {
  float c[kChunk], s[kChunk];
  LoadFrom(cos, at.first, at.half, at.aligned, c);
  LoadFrom(sin, at.first, at.half, at.aligned, s);
#pragma unroll
  for (int i = 0; i < kChunk; ++i) {
    const float lower = x.lower[i], upper = x.upper[i];
    x.lower[i] = Rounded<T>(lower * c[i]) + Rounded<T>(-upper * s[i]);
    x.upper[i] = Rounded<T>(upper * c[i]) + Rounded<T>(lower * s[i]);
  }
}

template <typename T>
__device__ __forceinline__ void SplitHeads(const T* qkv, const SplitHeadsArguments& a) {
  const int all_heads = a.heads + 2 * a.kv_heads, half = a.head_dim / 2;
  const int thread = blockIdx.x * blockDim.x + threadIdx.x;
  const int item = thread / a.lanes;  // a head of a row
  const int row = item / all_heads;
  int head = item % all_heads;
  const Place at = {thread % a.lanes * kChunk, half, a.aligned != 0};
  const bool exists = row < a.rows && at.first < half;
  Halves x = {};
  if (exists) x = LoadHalves(qkv + static_cast<long long>(item) * a.head_dim, at);
  const bool is_query = head < a.heads, is_value = head >= a.heads + a.kv_heads;
  const T* norm = static_cast<const T*>(is_query ? a.query_norm : a.key_norm);
  Normalise(exists && !is_value ? norm : nullptr, at, a.eps, a.lanes, x);
  if (!exists) return;
  const long long sequence = row / a.tokens, token = row % a.tokens;
  if (!is_value) Rotate<T>(a.cos + token * half, a.sin + token * half, at, x);
  const HeadPlaces& to = is_query ? a.queries : is_value ? a.values : a.keys;
  if (!is_query) head -= is_value ? a.heads + a.kv_heads : a.heads;
  StoreHalves(x, at,
              static_cast<T*>(to.base) + sequence * to.batch_stride + head * to.head_stride +
                  token * to.token_stride);
}

extern "C" __global__ void split_heads_bf16(const Bf16* qkv, const SplitHeadsArguments arguments) {
  SplitHeads(qkv, arguments);
}

extern "C" __global__ void split_heads_f32(const float* qkv, const SplitHeadsArguments arguments) {
  SplitHeads(qkv, arguments);
}

}  // namespace forensics
