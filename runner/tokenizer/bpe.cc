#include "runner/tokenizer/bpe.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runner/tokenizer/byte_level.h"

namespace forensics::runner {
namespace {

uint64_t PairKey(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

}  // namespace

absl::StatusOr<Bpe> Bpe::Create(const Vocabulary& vocabulary, const std::vector<Merge>& merges,
                                bool ignore_merges) {
  Bpe bpe;
  const auto id_of = [&](absl::string_view token) {
    const auto it = vocabulary.find(token);
    return it == vocabulary.end() ? -1 : it->second;
  };
  for (int byte = 0; byte < 256; ++byte) {
    bpe.byte_ids_[byte] = id_of(ByteToCharacter(static_cast<uint8_t>(byte)));
  }
  bpe.merges_.reserve(merges.size());
  bpe.rank_of_pair_.reserve(merges.size());
  for (const auto& [left, right] : merges) {
    const RankedMerge merge{id_of(left), id_of(right), id_of(absl::StrCat(left, right))};
    if (merge.left < 0 || merge.right < 0 || merge.result < 0) {
      return absl::InvalidArgumentError(absl::StrCat("model.merges[", bpe.merges_.size(), "]: '",
                                                     merge.left < 0    ? left
                                                     : merge.right < 0 ? right
                                                                       : left + right,
                                                     "' is not in the vocabulary"));
    }
    // Of a pair that is listed twice the last counts.
    bpe.rank_of_pair_[PairKey(merge.left, merge.right)] = static_cast<uint32_t>(bpe.merges_.size());
    bpe.merges_.push_back(merge);
  }
  if (ignore_merges) {
    for (const auto& [token, id] : vocabulary) {
      if (auto bytes = CharactersToBytes(token)) bpe.whole_words_.emplace(*std::move(bytes), id);
    }
  }
  return bpe;
}

// Queues the pair of which the symbol at `left_index` is the left one, if it was learnt.
void Bpe::Push(int32_t left_index, BpeScratch& scratch) const {
  const BpeScratch::Symbol& left = scratch.symbols[left_index];
  if (left.next < 0) return;
  const auto it = rank_of_pair_.find(PairKey(left.id, scratch.symbols[left.next].id));
  if (it == rank_of_pair_.end()) return;
  scratch.queue.push_back(static_cast<uint64_t>(it->second) << 32 |
                          static_cast<uint32_t>(left_index));
  std::push_heap(scratch.queue.begin(), scratch.queue.end(), std::greater<>());
}

absl::Status Bpe::Encode(absl::string_view word, BpeScratch& scratch,
                         std::vector<int32_t>* ids) const {
  if (const auto it = whole_words_.find(word); it != whole_words_.end()) {
    ids->push_back(it->second);
    return absl::OkStatus();
  }
  if (word.size() > std::numeric_limits<int32_t>::max()) {
    return absl::InvalidArgumentError(absl::StrCat("a word of ", word.size(), " bytes"));
  }
  auto& symbols = scratch.symbols;
  const int32_t size = static_cast<int32_t>(word.size());
  symbols.clear();
  scratch.queue.clear();
  for (int32_t i = 0; i < size; ++i) {
    const uint8_t byte = static_cast<uint8_t>(word[i]);
    if (byte_ids_[byte] < 0) {
      return absl::InvalidArgumentError(
          absl::StrFormat("the vocabulary has no token for byte 0x%02X", byte));
    }
    symbols.push_back({byte_ids_[byte], i - 1, i + 1 < size ? i + 1 : -1});
  }
  for (int32_t i = 0; i < size; ++i) Push(i, scratch);

  while (!scratch.queue.empty()) {
    std::pop_heap(scratch.queue.begin(), scratch.queue.end(), std::greater<>());
    const uint64_t top = scratch.queue.back();
    scratch.queue.pop_back();
    const RankedMerge& merge = merges_[top >> 32];
    const int32_t index = static_cast<int32_t>(top & 0xFFFFFFFFu);
    BpeScratch::Symbol& left = symbols[index];
    // Merges since this pair was queued may have taken either symbol.
    if (left.id != merge.left || left.next < 0 || symbols[left.next].id != merge.right) continue;
    BpeScratch::Symbol& right = symbols[left.next];
    left.id = merge.result;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) symbols[left.next].previous = index;
    if (left.previous >= 0) Push(left.previous, scratch);
    Push(index, scratch);
  }
  for (int32_t i = 0; i >= 0 && i < size; i = symbols[i].next) ids->push_back(symbols[i].id);
  return absl::OkStatus();
}

}  // namespace forensics::runner
