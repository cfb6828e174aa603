// Keys and values of all positions so far.
#ifndef RUNNER_MODEL_KV_CACHE_H_
#define RUNNER_MODEL_KV_CACHE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runner/checkpoint/model_config.h"
#include "runner/ops/rotary.h"

namespace forensics::runner {

// A layer's keys, and its values, are [batch, kv_heads, capacity, head_dim], contiguous:
// decoding streams each head's positions in one piece. Sequences of a batch have equal lengths.
class KvCache {
 public:
  // For `kv_heads` of the model's key-value heads; `options` are dtype and device. InvalidArgument
  // unless batch >= 1 and 1 <= capacity <= max_position_embeddings.
  static absl::StatusOr<KvCache> Create(const ModelConfig& config, int64_t kv_heads, int64_t batch,
                                        int64_t capacity, const at::TensorOptions& options);

  int64_t batch() const { return batch_; }
  int64_t capacity() const { return capacity_; }
  int64_t length() const { return length_; }

  // OutOfRange unless `tokens` more positions fit.
  absl::Status CheckRoom(int64_t tokens) const;

  // The places [batch, kv_heads, tokens, head_dim] of the `tokens` positions after length(), and
  // all positions up to there [batch, kv_heads, length() + tokens, head_dim]; views. There must be
  // room.
  at::Tensor NewKeys(int64_t layer, int64_t tokens) const;
  at::Tensor NewValues(int64_t layer, int64_t tokens) const;
  at::Tensor AllKeys(int64_t layer, int64_t tokens) const;
  at::Tensor AllValues(int64_t layer, int64_t tokens) const;

  // A layer's whole memory, [batch, kv_heads, capacity, head_dim].
  const at::Tensor& Keys(int64_t layer) const { return keys_[layer]; }
  const at::Tensor& Values(int64_t layer) const { return values_[layer]; }

  // Of the positions that there is room for, [capacity, head_dim / 2] float32: a model may be made
  // for millions.
  const RotaryTable& rotary() const { return rotary_; }

  // Counts the `tokens` positions that every layer has written.
  void Advance(int64_t tokens) { length_ += tokens; }

  // Forgets all positions; the memory stays.
  void Clear() { length_ = 0; }

 private:
  KvCache() = default;

  int64_t batch_ = 0, capacity_ = 0, length_ = 0;
  std::vector<at::Tensor> keys_;  // by layer
  std::vector<at::Tensor> values_;
  RotaryTable rotary_;
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_KV_CACHE_H_
