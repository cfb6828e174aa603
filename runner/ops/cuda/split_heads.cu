// From a fused query-key-value product to queries and a cache's new keys and values
// (runner/ops/rotary.h). qkv [batch * tokens, (heads + 2 kv_heads) * head_dim]. One block a
// row, some lanes of a warp a head; lane l holds the elements 8 l ... 8 l + 7 of the head's lower
// half and those of its upper half, so that rotation exchanges nothing.
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

// x = round(round(x * scale) * weight), scale of the sum of squares over a head's lanes. All lanes
// of the warp take part.
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
  for (int i = 0; i < kChunk; ++i) x.lower[i] *= scale, x.upper[i] *= scale;
  RoundChunk<T>(x.lower);
  RoundChunk<T>(x.upper);
#pragma unroll
  for (int i = 0; i < kChunk; ++i) x.lower[i] *= factor.lower[i], x.upper[i] *= factor.upper[i];
  RoundChunk<T>(x.lower);
  RoundChunk<T>(x.upper);
}

// out = round(a * cos) + round(b * sin)
template <typename T>
__device__ __forceinline__ void AddProducts(const float (&a)[kChunk], const float (&cos)[kChunk],
                                            const float (&b)[kChunk], const float (&sin)[kChunk],
                                            float (&out)[kChunk]) {
  float other[kChunk];
#pragma unroll
  for (int i = 0; i < kChunk; ++i) out[i] = a[i] * cos[i], other[i] = b[i] * sin[i];
  RoundChunk<T>(out);
  RoundChunk<T>(other);
#pragma unroll
  for (int i = 0; i < kChunk; ++i) out[i] += other[i];
}

// cos, sin [half]
template <typename T>
__device__ __forceinline__ Halves Rotate(const float* cos, const float* sin, const Place& at,
                                         const Halves& x) {
  float c[kChunk], s[kChunk], minus[kChunk];
  LoadFrom(cos, at.first, at.half, at.aligned, c);
  LoadFrom(sin, at.first, at.half, at.aligned, s);
  Halves rotated;
  AddProducts<T>(x.upper, c, x.lower, s, rotated.upper);
#pragma unroll
  for (int i = 0; i < kChunk; ++i) minus[i] = -x.upper[i];
  AddProducts<T>(x.lower, c, minus, s, rotated.lower);
  return rotated;
}

// One head of row `row`, of `heads + 2 kv_heads`; `exists` is false for lanes that only exchange.
template <typename T>
__device__ __forceinline__ void SplitHead(const T* row_heads, const SplitHeadsArguments& a,
                                          int sequence, int token, int head, const Place& at,
                                          bool exists) {
  Halves x = {};
  if (exists) x = LoadHalves(row_heads + head * a.head_dim, at);
  const bool is_query = head < a.heads, is_value = head >= a.heads + a.kv_heads;
  const T* norm = static_cast<const T*>(is_query ? a.query_norm : a.key_norm);
  Normalise(exists && !is_value ? norm : nullptr, at, a.eps, 1 << a.lanes_log2, x);
  if (!exists) return;
  const long long table = static_cast<long long>(token) * at.half;
  if (!is_value) x = Rotate<T>(a.cos + table, a.sin + table, at, x);
  const HeadPlaces& to = is_query ? a.queries : is_value ? a.values : a.keys;
  if (!is_query) head -= is_value ? a.heads + a.kv_heads : a.heads;
  StoreHalves(x, at,
              static_cast<T*>(to.base) + sequence * to.batch_stride + head * to.head_stride +
                  token * to.token_stride);
}

template <typename T>
__device__ __forceinline__ void SplitHeads(const T* qkv, const SplitHeadsArguments& a) {
  const int all_heads = a.heads + 2 * a.kv_heads, lanes = 1 << a.lanes_log2;
  const int sequence = blockIdx.x / a.tokens, token = blockIdx.x % a.tokens;
  const T* row = qkv + static_cast<long long>(blockIdx.x) * all_heads * a.head_dim;
  const int thread = threadIdx.x;
  const Place at = {thread % lanes * kChunk, a.head_dim / 2, a.aligned != 0};
  const int whole_warps = (all_heads * lanes + 31) / 32 * 32;
  for (int i = thread; i < whole_warps; i += blockDim.x) {
    const int head = i >> a.lanes_log2;
    SplitHead(row, a, sequence, token, head, at, head < all_heads && at.first < at.half);
  }
}

extern "C" __global__ void __launch_bounds__(kSplitHeadsThreads)
    split_heads_bf16(const Bf16* qkv, const SplitHeadsArguments arguments) {
  SplitHeads(qkv, arguments);
}

extern "C" __global__ void __launch_bounds__(kSplitHeadsThreads)
    split_heads_f32(const float* qkv, const SplitHeadsArguments arguments) {
  SplitHeads(qkv, arguments);
}

}  // namespace forensics
