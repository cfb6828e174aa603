// Any bytes are refused, or are a tokenizer whose ids are those of its vocabulary.
#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "runner/tokenizer/tokenizer.h"
#include "tools/fuzzing/fuzz_input.h"

namespace {

using forensics::fuzzing::Expect;

constexpr absl::string_view kTexts[] = {"", "ab  ab\n", "A\xCC\x8A b <|x|> 12 \xF0\x9F\x98\x80"};

void CheckEncoding(const forensics::runner::Tokenizer& tokenizer, absl::string_view text) {
  const absl::StatusOr<std::vector<int64_t>> ids = tokenizer.Encode(text);
  if (!ids.ok()) return;
  for (const int64_t id : *ids) {
    Expect(id >= 0 && id < tokenizer.vocab_size(), "an id is one of the vocabulary");
  }
  Expect(*ids == tokenizer.Encode(text).value(), "a text has the same ids each time");
  Expect(text.empty() || !tokenizer.DecodeUtf8(*ids).empty(), "a text is not lost", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view json(reinterpret_cast<const char*>(data), size);
  const auto tokenizer = forensics::runner::Tokenizer::FromJson(json);
  if (!tokenizer.ok()) {
    const absl::string_view message = tokenizer.status().message();
    Expect(!message.empty(), "an error has a message");
    Expect(forensics::fuzzing::OffsetBehind("not JSON: at byte ", message) <=
               static_cast<int64_t>(size),
           "an error's byte is one of the file", message);
    return 0;
  }
  for (const absl::string_view text : kTexts) CheckEncoding(**tokenizer, text);
  return 0;
}
