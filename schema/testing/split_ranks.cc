#include "schema/testing/split_ranks.h"

#include <algorithm>
#include <string>

namespace forensics::schema {
namespace {

int64_t KeySize(const Repetition& whole) {
  const Values& key = whole.positions.front().layers(0).key();
  return static_cast<int64_t>(key.data().size() / BytesPerElement(key.dtype()));
}

SignalPart PartOf(int index, const RankLayout& layout, int64_t key_size) {
  const int64_t head_dim = key_size / layout.key_heads;
  const int64_t first_head = int64_t{index} * layout.key_heads / layout.tp_size;
  const int64_t heads = std::max(1, layout.key_heads / layout.tp_size);
  SignalPart part;
  part.set_key_begin(first_head * head_dim);
  part.set_key_end((first_head + heads) * head_dim);
  part.set_vocab_begin(index * layout.vocab_size / layout.tp_size);
  part.set_vocab_end((index + 1) * layout.vocab_size / layout.tp_size);
  return part;
}

void KeepElements(int64_t begin, int64_t end, Values& values) {
  const auto width = static_cast<int64_t>(BytesPerElement(values.dtype()));
  values = MakeValues(values.dtype(), values.data().substr(begin * width, (end - begin) * width));
}

void KeepTokens(const SignalPart& part, LogProbs& log_probs) {
  LogProbs kept;
  std::string data;
  for (int slot = 0; slot < log_probs.token_ids_size(); ++slot) {
    const int64_t id = log_probs.token_ids(slot);
    if (id < part.vocab_begin() || id >= part.vocab_end()) continue;
    kept.add_token_ids(id);
    kept.add_slots(slot);
    data += log_probs.log_probs().data().substr(slot * sizeof(float), sizeof(float));
  }
  *kept.mutable_log_probs() = MakeValues(FLOAT32, std::move(data));
  log_probs = kept;
}

void KeepPart(const SignalPart& part, Repetition& repetition) {
  *repetition.header.mutable_part() = part;
  for (PositionRecord& position : repetition.positions) {
    for (LayerSignals& layer : *position.mutable_layers()) {
      KeepElements(part.key_begin(), part.key_end(), *layer.mutable_key());
    }
    KeepTokens(part, *position.mutable_top_log_probs());
    if (position.has_reference_log_probs()) {
      KeepTokens(part, *position.mutable_reference_log_probs());
    }
  }
}

}  // namespace

std::vector<Repetition> SplitForRanks(const Repetition& whole, const RankLayout& layout) {
  std::vector<Repetition> ranks;
  const int world_size = layout.tp_size * layout.ep_size;
  for (int rank = 0; rank < world_size; ++rank) {
    Repetition& shard = ranks.emplace_back(whole);
    shard.header.set_rank(rank);
    shard.header.set_world_size(world_size);
    if (layout.tp_size > 1) {
      KeepPart(PartOf(rank % layout.tp_size, layout, KeySize(whole)), shard);
    }
    shard.footer.set_signals_sha256(SignalsDigest(shard));
  }
  return ranks;
}

}  // namespace forensics::schema
