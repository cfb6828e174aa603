#include "runner/prompt/white_space.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

TEST(NormalizeWhiteSpace, HasOneForm) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {" \n\t", ""},
      {"one", "one"},
      {"a  b\tc", "a b c"},
      {u8"a\u00A0\u3000b\u2003c", "a b c"},
      {"  lead and trail \n", "lead and trail"},
      {"a \n b", "a\nb"},
      {"a\r\nb\rc", "a\nb\nc"},
      {"a\r\n\r\nb", "a\n\nb"},
      {"a\n \n\t\n\n\nb", "a\n\nb"},
      {"page 1\n\n\fpage 2", "page 1\n\npage 2"},
      {"page 1\fpage 2", "page 1\npage 2"},
      {u8"a\u2028b\u2029c\u0085d\ve", "a\nb\nc\nd\ne"},
      {u8"\uFEFFtext \uFEFF", u8"text \uFEFF"},
      {u8"zero\u200Bwidth", u8"zero\u200Bwidth"},  // not White_Space
  };
  for (const auto& [text, normal] : cases) {
    EXPECT_EQ(NormalizeWhiteSpace(text), normal);
    EXPECT_EQ(NormalizeWhiteSpace(normal), normal);
  }
}

}  // namespace
}  // namespace forensics::runner
