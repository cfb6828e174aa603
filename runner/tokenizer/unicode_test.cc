#include "runner/tokenizer/unicode.h"

#include <optional>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

TEST(FirstInvalidUtf8, AcceptsWhatUnicodeAccepts) {
  for (std::string text :
       {"", "plain ASCII of more than eight bytes", "\xC2\x80", "\xE0\xA0\x80", "\xED\x9F\xBF",
        "\xEE\x80\x80", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(FirstInvalidUtf8(text), std::nullopt) << text;
  }
}

TEST(FirstInvalidUtf8, SaysWhere) {
  const std::pair<std::string, size_t> cases[] = {
      {"\x80", 0},                  // a continuation byte alone
      {"0123456789\xC3", 10},       // cut off
      {"\xC0\xAF", 0},              // overlong
      {"\xE0\x9F\xBF", 0},          // overlong
      {"ab\xED\xA0\x80", 2},        // a surrogate
      {"\xF4\x90\x80\x80", 0},      // beyond U+10FFFF
      {"\xF5\x80\x80\x80", 0},      // no such lead
      {"\xE6\x97\xA5\xE6\x97.", 3}  // two of three bytes
  };
  for (const auto& [text, position] : cases) EXPECT_EQ(FirstInvalidUtf8(text), position) << text;
}

// One U+FFFD for each maximal subpart (Unicode 15, section 3.9), as Rust and Python do.
TEST(ToValidUtf8, ReplacesBrokenUnits) {
  const std::string r = "\xEF\xBF\xBD";
  const std::pair<std::string, std::string> cases[] = {
      {"fine \xC3\xA9", "fine \xC3\xA9"},
      {"\xE6\x97", r},              // two bytes of three: one
      {"\xF0\x9F\x99", r},          // three of four: one
      {"\x9F\x99\x82", r + r + r},  // continuation bytes: each
      {"\xE0\x80\x80", r + r + r},  // overlong: each
      {"\xED\xA0\x80", r + r + r},  // a surrogate: each
      {"a\xE6\x97"
       "b\xFF",
       "a" + r + "b" + r}};
  for (const auto& [bytes, text] : cases) EXPECT_EQ(ToValidUtf8(bytes), text);
}

TEST(Space, IsCountedInBytes) {
  const std::string wide = "\xE3\x80\x80";  // U+3000
  EXPECT_EQ(LeadingSpace(" \t" + wide + "x "), 5u);
  EXPECT_EQ(TrailingSpace(" x" + wide + "\xC2\xA0\n"), 6u);
  EXPECT_EQ(LeadingSpace("\xE1\xA0\x8E"), 0u);  // U+180E is not White_Space
  EXPECT_EQ(TrailingSpace(" \n"), 2u);
  EXPECT_EQ(TrailingSpace(""), 0u);
}

TEST(Word, KnowsLettersDigitsMarksAndConnectors) {
  for (std::string word : {"a", "9", "_", "\xC3\xA9", "\xCC\x81", "\xE2\x80\x8D", "\xE2\x93\x90"}) {
    EXPECT_TRUE(StartsWithWord(word + "-")) << word;
    EXPECT_TRUE(EndsWithWord("-" + word)) << word;
  }
  for (std::string other : {"-", " ", "\xE2\x82\xAC", ""}) {
    EXPECT_FALSE(StartsWithWord(other)) << other;
    EXPECT_FALSE(EndsWithWord(other)) << other;
  }
}

}  // namespace
}  // namespace forensics::runner
