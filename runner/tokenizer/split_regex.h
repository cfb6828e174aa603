// Splits text by a regular expression as Hugging Face's Split pre-tokenizer with the behaviour
// "Isolated" does: matches and the text between them all become pieces; nothing is dropped.
#ifndef RUNNER_TOKENIZER_SPLIT_REGEX_H_
#define RUNNER_TOKENIZER_SPLIT_REGEX_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pcre2.h"

namespace forensics::runner {

// What one thread needs to match: PCRE2's match data, limits and JIT stack.
class MatchScratch {
 public:
  MatchScratch();
  ~MatchScratch();
  MatchScratch(const MatchScratch&) = delete;
  MatchScratch& operator=(const MatchScratch&) = delete;

 private:
  friend class SplitRegex;
  pcre2_match_data* match_data_;
  pcre2_match_context* context_;
  pcre2_jit_stack* jit_stack_;
};

class SplitRegex {
 public:
  // `pattern` is in Oniguruma's syntax. What cannot be read as Oniguruma reads it, and a pattern
  // that matches the empty string, are errors.
  static absl::StatusOr<SplitRegex> Create(absl::string_view pattern);

  // Appends the pieces of `text`, which is valid UTF-8, in order; joined they are `text`.
  // ResourceExhausted if PCRE2 gives up. Safe to call from several threads, each with a scratch.
  absl::Status Split(absl::string_view text, MatchScratch& scratch,
                     std::vector<absl::string_view>* pieces) const;

 private:
  struct FreeCode {
    void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  };
  explicit SplitRegex(pcre2_code* code) : code_(code) {}

  std::unique_ptr<pcre2_code, FreeCode> code_;
};

}  // namespace forensics::runner

#endif  // RUNNER_TOKENIZER_SPLIT_REGEX_H_
