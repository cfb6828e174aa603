#include "runner/tokenizer/split_regex.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "runner/tokenizer/split_pattern.h"

namespace forensics::runner {
namespace {

// A run of spaces costs about one step of backtracking a character; this allows for runs of
// tens of megabytes, and ends an expression that backtracks exponentially within seconds.
constexpr uint32_t kMatchLimit = 100'000'000;
constexpr size_t kJitStackStart = 32 << 10;
constexpr size_t kJitStackMax = 16 << 20;

std::string Pcre2Message(int code) {
  PCRE2_UCHAR message[256];
  pcre2_get_error_message(code, message, sizeof(message));
  return reinterpret_cast<const char*>(message);
}

}  // namespace

MatchScratch::MatchScratch()
    : match_data_(pcre2_match_data_create(1, nullptr)),
      context_(pcre2_match_context_create(nullptr)),
      jit_stack_(pcre2_jit_stack_create(kJitStackStart, kJitStackMax, nullptr)) {
  pcre2_set_match_limit(context_, kMatchLimit);
  pcre2_jit_stack_assign(context_, nullptr, jit_stack_);
}

MatchScratch::~MatchScratch() {
  pcre2_jit_stack_free(jit_stack_);
  pcre2_match_context_free(context_);
  pcre2_match_data_free(match_data_);
}

absl::StatusOr<SplitRegex> SplitRegex::Create(absl::string_view pattern) {
  auto translated = OnigurumaToPcre2(pattern);
  if (!translated.ok()) return translated.status();
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated->data()), translated->size(),
                    PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr);
  if (code == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("regular expression: ", Pcre2Message(error),
                                                   " at byte ", offset, " of ", *translated,
                                                   " (written for Oniguruma as ", pattern, ")"));
  }
  SplitRegex regex(code);
  uint32_t matches_empty = 0;
  pcre2_pattern_info(code, PCRE2_INFO_MATCHEMPTY, &matches_empty);
  if (matches_empty != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("regular expression: matches the empty string: ", pattern));
  }
  // Where executable memory is forbidden this fails, and pcre2_match interprets the code.
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
  return regex;
}

absl::Status SplitRegex::Split(absl::string_view text, MatchScratch& scratch,
                               std::vector<absl::string_view>* pieces) const {
  const PCRE2_SIZE* const span = pcre2_get_ovector_pointer(scratch.match_data_);
  size_t done = 0;
  while (done < text.size()) {
    // The text has been checked; PCRE2 would check all of it again for each match.
    const int result =
        pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), done,
                    PCRE2_NO_UTF_CHECK, scratch.match_data_, scratch.context_);
    if (result == PCRE2_ERROR_NOMATCH) break;
    if (result < 0) {
      return absl::ResourceExhaustedError(absl::StrCat("splitting ", text.size(),
                                                       " bytes of text: ", Pcre2Message(result),
                                                       " after byte ", done));
    }
    if (span[0] > done) pieces->push_back(text.substr(done, span[0] - done));
    pieces->push_back(text.substr(span[0], span[1] - span[0]));
    done = span[1];
  }
  if (done < text.size()) pieces->push_back(text.substr(done));
  return absl::OkStatus();
}

}  // namespace forensics::runner
