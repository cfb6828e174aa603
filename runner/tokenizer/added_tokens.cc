#include "runner/tokenizer/added_tokens.h"

#include <algorithm>
#include <utility>

#include "runner/tokenizer/unicode.h"

namespace forensics::runner {
namespace {

bool TouchesWord(absl::string_view text, size_t start, size_t stop) {
  return EndsWithWord(text.substr(0, start)) || StartsWithWord(text.substr(stop));
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens)
    : tokens_(std::move(tokens)), token_of_node_(1, -1) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const std::string& content = tokens_[i].content;
    if (content.empty()) continue;
    starts_token_[static_cast<uint8_t>(content[0])] = true;
    uint64_t node = 0;
    for (char c : content) {
      const auto [edge, is_new] =
          edges_.try_emplace(node << 8 | static_cast<uint8_t>(c), token_of_node_.size());
      if (is_new) token_of_node_.push_back(-1);
      node = edge->second;
    }
    token_of_node_[node] = static_cast<int32_t>(i);
  }
}

const AddedToken* AddedTokenFinder::LongestAt(absl::string_view text, size_t position) const {
  const AddedToken* longest = nullptr;
  uint64_t node = 0;
  for (size_t i = position; i < text.size(); ++i) {
    const auto edge = edges_.find(node << 8 | static_cast<uint8_t>(text[i]));
    if (edge == edges_.end()) break;
    node = edge->second;
    if (token_of_node_[node] >= 0) longest = &tokens_[token_of_node_[node]];
  }
  return longest;
}

void AddedTokenFinder::Split(absl::string_view text, std::vector<Segment>* segments) const {
  size_t done = 0;
  for (size_t i = 0; i < text.size();) {
    const AddedToken* token =
        starts_token_[static_cast<uint8_t>(text[i])] ? LongestAt(text, i) : nullptr;
    if (token == nullptr) {
      ++i;
      continue;
    }
    size_t start = i;
    size_t stop = i + token->content.size();
    i = stop;  // also where the token is not taken
    if (token->single_word && TouchesWord(text, start, stop)) continue;
    // White space that the token before has taken stays with it.
    if (token->lstrip) start = std::max(done, start - TrailingSpace(text.substr(0, start)));
    if (token->rstrip) stop += LeadingSpace(text.substr(stop));
    if (start > done) segments->push_back({text.substr(done, start - done), -1});
    segments->push_back({text.substr(start, stop - start), token->id});
    done = stop;
  }
  if (done < text.size()) segments->push_back({text.substr(done), -1});
}

}  // namespace forensics::runner
