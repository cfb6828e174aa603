// Added tokens ("<|im_start|>", "<think>"), which are found in the text before it is split.
#ifndef RUNNER_TOKENIZER_ADDED_TOKENS_H_
#define RUNNER_TOKENIZER_ADDED_TOKENS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace forensics::runner {

// An entry of tokenizer.json's added_tokens.
struct AddedToken {
  int32_t id = -1;
  std::string content;
  bool single_word = false;  // not found where it touches a letter, digit or mark
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space behind it
  bool normalized = false;   // looked for in normalised text, else in the text as it came
  bool special = false;
};

// Finds a set of tokens in text: the leftmost first and of several there the longest, as Hugging
// Face's AddedVocabulary does.
class AddedTokenFinder {
 public:
  struct Segment {
    absl::string_view text;
    int32_t id = -1;  // -1: ordinary text
  };

  // Tokens with an empty content are never found.
  explicit AddedTokenFinder(std::vector<AddedToken> tokens);

  // Appends the segments of `text`, valid UTF-8; none is empty.
  void Split(absl::string_view text, std::vector<Segment>* segments) const;

 private:
  // The longest token that starts at text[position], or nullptr.
  const AddedToken* LongestAt(absl::string_view text, size_t position) const;

  std::vector<AddedToken> tokens_;
  // A trie: node << 8 | byte to node; the root is 0.
  absl::flat_hash_map<uint64_t, uint32_t> edges_;
  std::vector<int32_t> token_of_node_;  // index into tokens_; -1: none ends here
  bool starts_token_[256] = {};
};

}  // namespace forensics::runner

#endif  // RUNNER_TOKENIZER_ADDED_TOKENS_H_
