#include "runner/prompt/document_cut.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

// Code points to try beyond the last cut that fitted, and before the first: a few words.
constexpr int kReach = 64;
// Words at the document's start that may be left out for a clean cut.
constexpr int kMaxSkippedWords = 32;

class Cutter {
 public:
  Cutter(const Tokenizer& tokenizer, const PromptFrame& frame, absl::string_view document,
         int64_t document_tokens)
      : tokenizer_(tokenizer),
        frame_(frame),
        document_(document),
        document_tokens_(document_tokens),
        target_(frame.tokens() + document_tokens) {}

  // The longest clean cut, or the longest of the right count; nothing if there is neither.
  absl::StatusOr<std::optional<DocumentCut>> Run() {
    auto first = FirstThatReaches();
    if (!first.ok()) return first.status();
    if (auto status = SetAnchor(*first); !status.ok()) return status;
    // The longest cut is the one that ends with a whole token of the document.
    int misses = 0;
    for (size_t size = *first; misses < kReach; size = Next(size)) {
      auto fits = Try(size);
      if (!fits.ok()) return fits.status();
      misses = *fits ? 0 : misses + 1;
      if (size == document_.size()) break;
    }
    // Nothing clean there, for instance because the last token takes the line breaks behind it.
    for (size_t size = *first, i = 0; !clean_ && size > 0 && i < kReach; ++i) {
      size = AtCodePoint(size - 1);
      auto fits = Try(size);
      if (!fits.ok()) return fits.status();
    }
    return clean_ ? std::move(clean_) : std::move(unclean_);
  }

  // For a document without any: the counts next to the one that is wanted.
  absl::Status NoCut() const {
    return absl::OutOfRangeError(absl::StrCat(
        "no cut of the document has exactly ", document_tokens_, " tokens; the nearest have ",
        below_ - frame_.tokens(), " and ", above_ - frame_.tokens()));
  }

 private:
  size_t AtCodePoint(size_t size) const {
    while (size > 0 && size < document_.size() && (document_[size] & 0xC0) == 0x80) --size;
    return size;
  }

  size_t Next(size_t size) const {
    do ++size;
    while (size < document_.size() && (document_[size] & 0xC0) == 0x80);
    return size;
  }

  absl::StatusOr<std::vector<int64_t>> EncodePrompt(size_t size) {
    auto ids = tokenizer_.Encode(absl::StrCat(frame_.head, document_.substr(0, size), frame_.tail));
    if (ids.ok()) Remember(static_cast<int64_t>(ids->size()));
    return ids;
  }

  void Remember(int64_t count) {
    if (count < target_) below_ = std::max(below_, count);
    if (count > target_) above_ = std::min(above_, count);
  }

  absl::StatusOr<int64_t> Count(size_t size) {
    const auto ids = EncodePrompt(size);
    if (!ids.ok()) return ids.status();
    return static_cast<int64_t>(ids->size());
  }

  // A size that has enough tokens, not far above the smallest; TooShort if none has.
  absl::StatusOr<size_t> Enough() {
    // Doubling keeps the work in proportion to what is asked for, not to the document.
    for (size_t guess = static_cast<size_t>(document_tokens_) * 8; guess < document_.size();
         guess *= 2) {
      const size_t size = AtCodePoint(guess);
      const auto count = Count(size);
      if (!count.ok()) return count.status();
      if (*count >= target_) return size;
    }
    const auto count = Count(document_.size());
    if (!count.ok()) return count.status();
    if (*count >= target_) return document_.size();
    return absl::OutOfRangeError(absl::StrCat("the document is too short: it has ",
                                              *count - frame_.tokens(), " tokens, ",
                                              document_tokens_, " are wanted"));
  }

  // Bisection: a size whose count reaches the target, while one code point less does not.
  absl::StatusOr<size_t> FirstThatReaches() {
    auto high = Enough();
    if (!high.ok()) return high.status();
    size_t low = 0;
    while (Next(low) < *high) {
      size_t middle = AtCodePoint(low + (*high - low) / 2);
      if (middle == low) middle = Next(low);
      const auto count = Count(middle);
      if (!count.ok()) return count.status();
      (*count < target_ ? low : *high) = middle;
    }
    return *high;
  }

  // Cuts near `size` are first counted from a word border before it: what stands there is the same
  // for all of them.
  absl::Status SetAnchor(size_t size) {
    constexpr size_t kContext = 1000;
    const size_t space = document_.substr(0, size - std::min(size, kContext)).find_last_of(" \n");
    anchor_ = space == absl::string_view::npos ? 0 : space;
    const auto whole = Count(size);
    if (!whole.ok()) return whole.status();
    const auto near = CountFromAnchor(size);
    if (!near.ok()) return near.status();
    before_anchor_ = *whole - *near;
    return absl::OkStatus();
  }

  absl::StatusOr<int64_t> CountFromAnchor(size_t size) const {
    const auto ids = tokenizer_.Encode(
        absl::StrCat(document_.substr(anchor_, size - std::min(size, anchor_)), frame_.tail));
    if (!ids.ok()) return ids.status();
    return static_cast<int64_t>(ids->size());
  }

  // Whether the cut at `size` has the right count; keeps the longest of each kind.
  absl::StatusOr<bool> Try(size_t size) {
    const auto near = CountFromAnchor(size);
    if (!near.ok()) return near.status();
    if (before_anchor_ + *near != target_) {
      Remember(before_anchor_ + *near);
      return false;
    }
    auto ids = EncodePrompt(size);
    if (!ids.ok()) return ids.status();
    if (static_cast<int64_t>(ids->size()) != target_) return false;
    const auto document_ids = tokenizer_.Encode(document_.substr(0, size));
    if (!document_ids.ok()) return document_ids.status();
    std::vector<int64_t> apart = frame_.head_ids;
    apart.insert(apart.end(), document_ids->begin(), document_ids->end());
    apart.insert(apart.end(), frame_.tail_ids.begin(), frame_.tail_ids.end());
    DocumentCut cut{0, size, *std::move(ids), false};
    cut.clean = cut.token_ids == apart;
    std::optional<DocumentCut>& kept = cut.clean ? clean_ : unclean_;
    if (!kept.has_value() || kept->size < size) kept = std::move(cut);
    return true;
  }

  const Tokenizer& tokenizer_;
  const PromptFrame& frame_;
  const absl::string_view document_;
  const int64_t document_tokens_;
  const int64_t target_;
  size_t anchor_ = 0;
  int64_t before_anchor_ = 0;  // tokens
  std::optional<DocumentCut> clean_;
  std::optional<DocumentCut> unclean_;
  int64_t below_ = 0;  // the counts next to the target that were seen
  int64_t above_ = INT64_MAX;
};

// Where the word after the one at `position` starts; the document's size if there is none.
size_t NextWord(absl::string_view document, size_t position) {
  const size_t space = document.find_first_of(" \n", position);
  if (space == absl::string_view::npos) return document.size();
  const size_t word = document.find_first_not_of(" \n", space);
  return word == absl::string_view::npos ? document.size() : word;
}

}  // namespace

absl::StatusOr<PromptFrame> MakeFrame(const Tokenizer& tokenizer, std::string head,
                                      std::string tail) {
  auto head_ids = tokenizer.Encode(head);
  if (!head_ids.ok()) return head_ids.status();
  auto tail_ids = tokenizer.Encode(tail);
  if (!tail_ids.ok()) return tail_ids.status();
  return PromptFrame{std::move(head), std::move(tail), *std::move(head_ids), *std::move(tail_ids)};
}

absl::StatusOr<DocumentCut> CutDocument(const Tokenizer& tokenizer, const PromptFrame& frame,
                                        absl::string_view document, int64_t document_tokens) {
  if (document_tokens <= 0 || document_tokens > (int64_t{1} << 32)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a document of ", document_tokens, " tokens cannot be made"));
  }
  Cutter from_start(tokenizer, frame, document, document_tokens);
  auto best = from_start.Run();
  if (!best.ok()) return best.status();
  size_t start = 0;
  for (int word = 0; word < kMaxSkippedWords && !(*best && (*best)->clean); ++word) {
    start = NextWord(document, start);
    if (start == document.size()) break;
    auto later = Cutter(tokenizer, frame, document.substr(start), document_tokens).Run();
    if (absl::IsOutOfRange(later.status())) break;  // what is left is too short
    if (!later.ok()) return later.status();
    if (!*later || !(*later)->clean) continue;
    (*later)->start = start;
    best = std::move(later);
  }
  if (!best->has_value()) return from_start.NoCut();
  return **std::move(best);
}

}  // namespace forensics::runner
