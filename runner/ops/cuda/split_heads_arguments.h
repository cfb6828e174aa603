// What split_heads.cu is told, beside its matrices: shared by the kernel and its host function.
#ifndef RUNNER_OPS_CUDA_SPLIT_HEADS_ARGUMENTS_H_
#define RUNNER_OPS_CUDA_SPLIT_HEADS_ARGUMENTS_H_

namespace forensics {

// Where the heads of queries, keys or values go: head h of token t of sequence b begins at element
// b * batch_stride + h * head_stride + t * token_stride.
struct HeadPlaces {
  void* base;
  long long batch_stride, head_stride, token_stride;
};

constexpr int kSplitHeadsThreads = 256;  // of a block, at most

struct SplitHeadsArguments {
  HeadPlaces queries, keys, values;
  const float* cos;  // [tokens, head_dim / 2]
  const float* sin;
  const void* query_norm;  // [head_dim]; null: not normalised
  const void* key_norm;
  float eps;
  int tokens, heads, kv_heads, head_dim;
  int lanes_log2;  // 2 to this lanes, at most 32, hold a head: its half in chunks
  int aligned;     // every half head is whole chunks at multiples of 16 bytes
};

}  // namespace forensics

#endif  // RUNNER_OPS_CUDA_SPLIT_HEADS_ARGUMENTS_H_
