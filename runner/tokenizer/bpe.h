// Byte-pair encoding of one word: adjacent symbols are merged, the earliest learnt pair first and
// the leftmost of equal pairs first, until no learnt pair is left (Sennrich et al., 2016).
#ifndef RUNNER_TOKENIZER_BPE_H_
#define RUNNER_TOKENIZER_BPE_H_

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::runner {

// Token, in the byte-level alphabet, to id.
using Vocabulary = absl::flat_hash_map<std::string, int32_t>;

// Two tokens that become one; a merge's rank is its place in the list.
using Merge = std::pair<std::string, std::string>;

// Work space of one thread.
struct BpeScratch {
  struct Symbol {
    int32_t id;
    int32_t previous;  // -1: none
    int32_t next;      // -1: none
  };
  std::vector<Symbol> symbols;
  std::vector<uint64_t> queue;  // rank << 32 | index of the left symbol; a min-heap
};

class Bpe {
 public:
  // A merge of or into a token that `vocabulary` lacks is an error. With `ignore_merges`, a word
  // that is a token itself is that token, whatever the merges say.
  static absl::StatusOr<Bpe> Create(const Vocabulary& vocabulary, const std::vector<Merge>& merges,
                                    bool ignore_merges);

  // Appends the ids of `word`, any bytes, in O(n log n). A byte without a token is an error.
  absl::Status Encode(absl::string_view word, BpeScratch& scratch, std::vector<int32_t>* ids) const;

 private:
  struct RankedMerge {
    int32_t left;
    int32_t right;
    int32_t result;
  };

  Bpe() = default;
  void Push(int32_t left_index, BpeScratch& scratch) const;

  std::array<int32_t, 256> byte_ids_;  // -1: no token
  std::vector<RankedMerge> merges_;    // by rank
  absl::flat_hash_map<uint64_t, uint32_t> rank_of_pair_;
  absl::flat_hash_map<std::string, int32_t> whole_words_;  // by bytes; filled if merges are ignored
};

}  // namespace forensics::runner

#endif  // RUNNER_TOKENIZER_BPE_H_
