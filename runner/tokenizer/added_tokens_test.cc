#include "runner/tokenizer/added_tokens.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

AddedToken Token(int32_t id, std::string content, std::string flags = "") {
  AddedToken token;
  token.id = id;
  token.content = std::move(content);
  token.lstrip = flags.find('l') != std::string::npos;
  token.rstrip = flags.find('r') != std::string::npos;
  token.single_word = flags.find('w') != std::string::npos;
  return token;
}

// "[id text]" for a token, "text" for what lies between.
std::string Split(const std::vector<AddedToken>& tokens, const std::string& text) {
  std::vector<AddedTokenFinder::Segment> segments;
  AddedTokenFinder(tokens).Split(text, &segments);
  std::string result;
  for (const auto& segment : segments) {
    const std::string piece(segment.text);
    result += segment.id < 0 ? piece : "[" + std::to_string(segment.id) + piece + "]";
  }
  return result;
}

TEST(AddedTokenFinder, FindsTheLeftmostAndLongest) {
  const std::vector<AddedToken> tokens = {Token(1, "<a>"), Token(2, "<a>b"), Token(3, "b<"),
                                          Token(4, "")};
  EXPECT_EQ(Split(tokens, ""), "");
  EXPECT_EQ(Split(tokens, "plain"), "plain");
  EXPECT_EQ(Split(tokens, "<a>"), "[1<a>]");
  EXPECT_EQ(Split(tokens, "x<a>b<a>y"), "x[2<a>b][1<a>]y");
  EXPECT_EQ(Split(tokens, "b<a>"), "[3b<]a>");
  EXPECT_EQ(Split(tokens, "<a<a>"), "<a[1<a>]");
}

TEST(AddedTokenFinder, TakesWhiteSpace) {
  const std::vector<AddedToken> tokens = {Token(1, "<l>", "l"), Token(2, "<r>", "r"),
                                          Token(3, "<b>", "lr")};
  EXPECT_EQ(Split(tokens, "a \n<l> b"), "a[1 \n<l>] b");
  EXPECT_EQ(Split(tokens, "a <r>\t\u3000b"), "a [2<r>\t\u3000]b");
  EXPECT_EQ(Split(tokens, " <b> "), "[3 <b> ]");
  EXPECT_EQ(Split(tokens, "<r> <l>"), "[2<r> ][1<l>]");  // the first to come has the space
}

TEST(AddedTokenFinder, SingleWordsStandAlone) {
  const std::vector<AddedToken> tokens = {Token(1, "word", "w"), Token(2, "or")};
  EXPECT_EQ(Split(tokens, "word, a word"), "[1word], a [1word]");
  EXPECT_EQ(Split(tokens, "words"), "words");  // nor is "or" looked for inside
  EXPECT_EQ(Split(tokens, u8"\u00E9word"), u8"\u00E9word");
  EXPECT_EQ(Split(tokens, "-word-or"), "-[1word]-[2or]");
}

}  // namespace
}  // namespace forensics::runner
