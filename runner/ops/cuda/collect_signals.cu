// What an observer wants of a decode step, in one place. One block a watched layer and sequence
// copies the residual stream after the layer and the key that the step appended to the cache, in
// pieces of 16 bytes. `out` is pinned memory of the host, written across the bus.
//
// No arithmetic.
#include "runner/ops/cuda/collect_signals_source.h"

namespace forensics {

// sources [layers]: hidden_states bf16 [batch, hidden], keys bf16 [batch, kv_heads, capacity,
// head_dim]; out bf16 [layers, batch, hidden + kv_heads * head_dim]. grid (layers, batch).
extern "C" __global__ void collect_signals(const SignalSource* sources, const int* position,
                                           uint4* out, int hidden, int kv_heads, int capacity,
                                           int head_dim) {
  constexpr int kElements = 8;  // of 16 bytes
  const SignalSource source = sources[blockIdx.x];
  const int batch = gridDim.y, row = blockIdx.y;
  const int hidden_pieces = hidden / kElements, head_pieces = head_dim / kElements;
  const int pieces = hidden_pieces + kv_heads * head_pieces;
  uint4* to = out + (static_cast<long long>(blockIdx.x) * batch + row) * pieces;
  const uint4* stream =
      static_cast<const uint4*>(source.hidden_states) + static_cast<long long>(row) * hidden_pieces;
  const uint4* keys = static_cast<const uint4*>(source.keys);
  for (int i = threadIdx.x; i < pieces; i += blockDim.x) {
    if (i < hidden_pieces) {
      to[i] = stream[i];
      continue;
    }
    const int head = (i - hidden_pieces) / head_pieces, piece = (i - hidden_pieces) % head_pieces;
    to[i] = keys[((static_cast<long long>(row) * kv_heads + head) * capacity + *position) *
                     head_pieces +
                 piece];
  }
}

}  // namespace forensics
