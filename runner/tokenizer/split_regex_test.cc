#include "runner/tokenizer/split_regex.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "runner/tokenizer/split_pattern.h"

namespace forensics::runner {
namespace {

constexpr char kQwen[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";

std::string Pieces(absl::string_view pattern, absl::string_view text) {
  auto regex = SplitRegex::Create(pattern);
  if (!regex.ok()) return std::string(regex.status().message());
  MatchScratch scratch;
  std::vector<absl::string_view> pieces;
  const auto status = regex->Split(text, scratch, &pieces);
  return status.ok() ? absl::StrJoin(pieces, "|") : status.ToString();
}

TEST(SplitRegex, SplitsAsQwenDoes) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"Hello, world!", "Hello|,| world|!"},
      {"it's IT'S don\u2019t", "it|'s| IT|'S| don|\u2019t"},
      {"I'\u017F", "I|'\u017F"},  // the long s is an s
      {"a  b", "a| | b"},
      {"a \n\n b", "a| \n\n| b"},
      {"x.\r\n", "x|.\r\n"},
      {"1234", "1|2|3|4"},
      {"end  ", "end|  "}};
  for (const auto& [text, pieces] : cases) EXPECT_EQ(Pieces(kQwen, text), pieces);
}

TEST(SplitRegex, KeepsWhatDoesNotMatch) {
  EXPECT_EQ(Pieces("[0-9]+", "ab12cd3"), "ab|12|cd|3");
  EXPECT_EQ(Pieces("[0-9]+", "none"), "none");
}

// U+180E is a space to PCRE2's \s, and not to Oniguruma's.
TEST(SplitRegex, SpaceIsWhiteSpace) {
  EXPECT_EQ(Pieces(R"(\s+)", u8"a\u180Eb\u3000\u0085c"), u8"a\u180Eb|\u3000\u0085|c");
  EXPECT_EQ(Pieces(R"([^\s]+)", u8"a\u180Eb c"), u8"a\u180Eb| |c");
  EXPECT_EQ(Pieces(R"(\S+)", u8"a\u180Eb c"), u8"a\u180Eb| |c");
}

TEST(OnigurumaToPcre2, RewritesWhatMeansSomethingElse) {
  const std::pair<std::string, std::string> cases[] = {
      {R"(\s[\S]\d\r\n\t)", R"(\p{White_Space}[\P{White_Space}]\d\r\n\t)"},
      {R"(\p{L}\P{Lu}\p{^N})", R"(\p{L}\P{Lu}\p{^N})"},
      {R"(\p{Han}\p{^Greek})", R"(\p{sc:Han}\p{^sc:Greek})"},
      {R"([\u4E00-\u9FA5])", R"([\x{4E00}-\x{9FA5}])"},
      {R"((?:a)(?=b)(?!c)(?<=d)(?<!e)(?>f)(g){1,3})",
       R"((?:a)(?=b)(?!c)(?<=d)(?<!e)(?>f)(g){1,3})"},
      {R"(\[\\.\/)", R"(\[\\.\/)"},
      {R"((?i:'s|t)st)", R"((?i:'s|t)st)"}};
  for (const auto& [from, to] : cases) {
    const auto translated = OnigurumaToPcre2(from);
    ASSERT_TRUE(translated.ok()) << translated.status();
    EXPECT_EQ(*translated, to);
  }
}

TEST(SplitRegex, RefusesByNameWhatItCannotMean) {
  const std::pair<std::string, std::string> cases[] = {{R"(\w+)", R"('\w')"},
                                                       {R"(a\b)", R"('\b')"},
                                                       {R"(\h)", R"('\h')"},
                                                       {R"([a&&b])", "'&&'"},
                                                       {R"([a[b]])", "class within a class"},
                                                       {R"([])", "empty class"},
                                                       {"^a", "'^'"},
                                                       {"a$", "'$'"},
                                                       {"(?m:a)", "'(?m'"},
                                                       {"(*FAIL)", "'(*'"},
                                                       {"a{,3}", "'{,'"},
                                                       {"a{2}+", "interval with a suffix"},
                                                       {"a{2}?", "interval with a suffix"},
                                                       {R"(\pL)", "without braces"},
                                                       {R"(\u12)", "escape"},
                                                       {"a\\", "nothing follows"},
                                                       {"(?i:first)", "'fi'"},
                                                       {u8"(?i:\u00E9)", "other than ASCII's"},
                                                       {"a*", "empty string"},
                                                       {"(a", "missing closing parenthesis"},
                                                       {R"(\p{NoSuchScript})", "unknown property"}};
  for (const auto& [pattern, part] : cases) {
    const auto regex = SplitRegex::Create(pattern);
    ASSERT_FALSE(regex.ok()) << pattern;
    EXPECT_EQ(regex.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(regex.status().message().find(part), std::string::npos) << regex.status();
  }
}

TEST(SplitRegex, SaysWhenItGivesUp) {
  const auto regex = SplitRegex::Create("(?:(?:a+)+)+[bc]");
  ASSERT_TRUE(regex.ok());
  MatchScratch scratch;
  std::vector<absl::string_view> pieces;
  const auto status = regex->Split(std::string(100, 'a'), scratch, &pieces);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_NE(status.message().find("match limit exceeded"), std::string::npos) << status;
}

TEST(SplitRegex, LongRunsAreOnePiece) {
  const std::string letters(2'000'000, 'a');
  EXPECT_TRUE(Pieces(kQwen, letters) == letters);
  const std::string spaces(2'000'000, ' ');
  EXPECT_TRUE(Pieces(kQwen, spaces + " x") == spaces + "| x");
}

}  // namespace
}  // namespace forensics::runner
