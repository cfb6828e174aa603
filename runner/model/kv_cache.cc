#include "runner/model/kv_cache.h"

#include <ATen/ops/empty.h>

#include "absl/strings/str_cat.h"
#include "runner/model/rotary_embedding.h"

namespace forensics::runner {

absl::StatusOr<KvCache> KvCache::Create(const ModelConfig& config, int64_t kv_heads, int64_t batch,
                                        int64_t capacity, const at::TensorOptions& options) {
  if (batch < 1) {
    return absl::InvalidArgumentError(absl::StrCat("batch: expected at least 1, found ", batch));
  }
  if (capacity < 1 || capacity > config.max_position_embeddings) {
    return absl::InvalidArgumentError(
        absl::StrCat("cache capacity: expected 1 to ", config.max_position_embeddings,
                     " positions (max_position_embeddings), found ", capacity));
  }
  KvCache cache;
  cache.batch_ = batch;
  cache.capacity_ = capacity;
  const auto allocate = [&] {
    return at::empty({batch, kv_heads, capacity, config.head_dim}, options);
  };
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    cache.keys_.push_back(allocate());
    cache.values_.push_back(allocate());
  }
  const RotaryTable table = MakeRotaryTable(RotaryFrequencies(config), capacity,
                                            c10::typeMetaToScalarType(options.dtype()));
  cache.rotary_ = {table.cos.to(options.device()), table.sin.to(options.device())};
  return cache;
}

absl::Status KvCache::CheckRoom(int64_t tokens) const {
  if (tokens <= capacity_ - length_) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat("cache: expected at most ", capacity_ - length_,
                                            " more positions (capacity ", capacity_, ", held ",
                                            length_, "), found ", tokens));
}

at::Tensor KvCache::NewKeys(int64_t layer, int64_t tokens) const {
  return keys_[layer].narrow(2, length_, tokens);
}
at::Tensor KvCache::NewValues(int64_t layer, int64_t tokens) const {
  return values_[layer].narrow(2, length_, tokens);
}
at::Tensor KvCache::AllKeys(int64_t layer, int64_t tokens) const {
  return keys_[layer].narrow(2, 0, length_ + tokens);
}
at::Tensor KvCache::AllValues(int64_t layer, int64_t tokens) const {
  return values_[layer].narrow(2, 0, length_ + tokens);
}

}  // namespace forensics::runner
