#include "analyzer/report/html/html_text.h"

#include <limits>
#include <utility>

#include "gtest/gtest.h"
#include "rapidjson/document.h"

namespace forensics::analyzer {
namespace {

TEST(EscapeHtml, LeavesNoMarkup) {
  EXPECT_EQ(EscapeHtml("<b a=\"1\" b='2'>&amp;"),
            "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;");
}

TEST(EscapeJsonForScript, CannotEndTheScriptNorBeginACommentAndReadsTheSame) {
  const std::string hostile = "</script><!--<script>]]>&\xe2\x80\xa8\xe2\x80\xa9 \xc3\xa9";
  const std::string json = "{\"" + hostile + "\": [1.5e-3, \"" + hostile + "\"]}";
  const std::string escaped = EscapeJsonForScript(json);
  EXPECT_EQ(escaped.find_first_of("<>&"), std::string::npos);
  EXPECT_EQ(escaped.find("\xe2\x80\xa8"), std::string::npos);
  EXPECT_EQ(escaped.find("\xe2\x80\xa9"), std::string::npos);
  rapidjson::Document before, after;
  ASSERT_FALSE(before.Parse(json.data(), json.size()).HasParseError());
  ASSERT_FALSE(after.Parse(escaped.data(), escaped.size()).HasParseError());
  EXPECT_TRUE(before == after);
}

TEST(NumberHtml, HasThreeSignificantDigits) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::pair<std::optional<double>, const char*> expected[] = {
      {std::nullopt, "&ndash;"},
      {0, "0"},
      {27.5557, "27.6"},
      {-1.25, "&minus;1.25"},
      {420751.73, "420752"},
      {999.6, "1000"},
      {0.001, "0.00100"},
      {6.4e-5, "6.40&times;10<sup>&minus;5</sup>"},
      {9.999e-4, "0.00100"},
      {1.5e10, "1.50&times;10<sup>10</sup>"},
      {kInfinity, "&infin;"},
      {-kInfinity, "&minus;&infin;"},
      {std::numeric_limits<double>::quiet_NaN(), "NaN"},
  };
  for (const auto& [value, html] : expected) EXPECT_EQ(NumberHtml(value), html);
}

}  // namespace
}  // namespace forensics::analyzer
