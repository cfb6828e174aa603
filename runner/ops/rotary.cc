#include "runner/ops/rotary.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <vector>

#include "runner/ops/kernel_log.h"
#include "runner/ops/parallel.h"
#include "runner/ops/rms_norm_lanes.h"

namespace forensics::runner {
namespace {

// Where a head of one token goes: base + batch * batch_stride + head * head_stride + token *
// stride.
template <typename T>
struct Destination {
  T* base;
  int64_t batch_stride, head_stride, token_stride;

  explicit Destination(at::Tensor& t)
      : base(t.mutable_data_ptr<T>()),
        batch_stride(t.stride(0)),
        head_stride(t.stride(1)),
        token_stride(t.stride(2)) {}
  T* Head(int64_t batch, int64_t head, int64_t token) const {
    return base + batch * batch_stride + head * head_stride + token * token_stride;
  }
};

template <typename T>
FORENSICS_INLINE void RotateLanes(Lanes low, Lanes high, Lanes cos, Lanes sin, Lanes* out_low,
                                  Lanes* out_high) {
  *out_low = RoundLanes<T>(low * cos) + RoundLanes<T>(-high * sin);
  *out_high = RoundLanes<T>(high * cos) + RoundLanes<T>(low * sin);
}

// x, out [head_dim]; cos, sin [head_dim / 2].
template <typename T>
FORENSICS_INLINE void RotateHead(const T* x, const float* cos, const float* sin, int64_t half,
                                 T* out) {
  const int64_t whole = half / kLanes * kLanes;
  Lanes low, high;
  for (int64_t i = 0; i < whole; i += kLanes) {
    RotateLanes<T>(LoadLanes(x + i), LoadLanes(x + half + i), LoadLanes(cos + i),
                   LoadLanes(sin + i), &low, &high);
    StoreLanes(low, out + i);
    StoreLanes(high, out + half + i);
  }
  const int64_t rest = half - whole;
  if (rest == 0) return;
  RotateLanes<T>(LoadSomeLanes(x + whole, rest), LoadSomeLanes(x + half + whole, rest),
                 LoadSomeLanes(cos + whole, rest), LoadSomeLanes(sin + whole, rest), &low, &high);
  StoreSomeLanes(low, out + whole, rest);
  StoreSomeLanes(high, out + half + whole, rest);
}

template <typename T>
struct Job {
  const T* qkv;
  const T* query_norm;  // null: none
  const T* key_norm;
  float eps;
  const float* cos;
  const float* sin;
  int64_t tokens, heads, kv_heads, head_dim;
  Destination<T> queries, keys, values;
};

template <typename T>
FORENSICS_TARGET_CLONES void SplitRows(const Job<T>& job, int64_t begin, int64_t end, T* scratch) {
  const int64_t dim = job.head_dim, half = dim / 2;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t batch = row / job.tokens, token = row % job.tokens;
    const T* head = job.qkv + row * (job.heads + 2 * job.kv_heads) * dim;
    for (int64_t h = 0; h < job.heads + job.kv_heads; ++h, head += dim) {
      const bool is_query = h < job.heads;
      const T* norm = is_query ? job.query_norm : job.key_norm;
      if (norm != nullptr) NormaliseRow(head, norm, dim, job.eps, scratch);
      T* out =
          is_query ? job.queries.Head(batch, h, token) : job.keys.Head(batch, h - job.heads, token);
      RotateHead(norm != nullptr ? scratch : head, job.cos + token * half, job.sin + token * half,
                 half, out);
    }
    for (int64_t h = 0; h < job.kv_heads; ++h, head += dim) {
      std::copy_n(head, dim, job.values.Head(batch, h, token));
    }
  }
}

template <typename T>
const T* DataOrNull(const at::Tensor& t) {
  return t.defined() ? t.const_data_ptr<T>() : nullptr;
}

}  // namespace

at::Tensor SplitHeads(const at::Tensor& qkv, const HeadNorms& norms, const RotaryTable& table,
                      at::Tensor& keys, at::Tensor& values) {
  const int64_t batch = keys.size(0), kv_heads = keys.size(1), tokens = keys.size(2);
  const int64_t head_dim = keys.size(3), heads = qkv.size(1) / head_dim - 2 * kv_heads;
  RecordKernel("rotary/own", {{"heads", heads}, {"kv_heads", kv_heads}, {"head_dim", head_dim}},
               batch * tokens);
  at::Tensor queries = at::empty({batch, heads, tokens, head_dim}, qkv.options());
  ForFloatType(qkv.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const Job<T> job{qkv.const_data_ptr<T>(),
                     DataOrNull<T>(norms.query),
                     DataOrNull<T>(norms.key),
                     static_cast<float>(norms.eps),
                     table.cos.const_data_ptr<float>(),
                     table.sin.const_data_ptr<float>(),
                     tokens,
                     heads,
                     kv_heads,
                     head_dim,
                     Destination<T>(queries),
                     Destination<T>(keys),
                     Destination<T>(values)};
    ParallelFor(batch * tokens, 16, [&](int64_t begin, int64_t end) {
      std::vector<T> scratch(head_dim);
      SplitRows(job, begin, end, scratch.data());
    });
  });
  return queries;
}

}  // namespace forensics::runner
