#include "analyzer/report/html/html_report.h"

#include <string>

#include "absl/strings/escaping.h"
#include "analyzer/report/html/page_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "schema/digest.h"

namespace forensics::analyzer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kReports[] = R"({"a": {"experiment": "a", "file": "</script>{{style}}"}})";
constexpr char kSummary[] = R"([{"experiment": "a", "detectability": "Undefined"}])";

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(HtmlReport, HoldsTheReportsAsData) {
  const std::string page = HtmlReport(kReports, kSummary);
  EXPECT_THAT(page, HasSubstr(R"(type="application/json">{"a":{"experiment":"a","file":)"
                              R"("\u003c/script\u003e{{style}}"}}</script>)"));
  EXPECT_THAT(page, HasSubstr("href=\"#experiment-0\">a</a>"));
}

TEST(HtmlReport, LetsItsOwnTwoScriptsRunAndNothingBeFetched) {
  const std::string page = HtmlReport(kReports, kSummary);
  EXPECT_THAT(page, HasSubstr("content=\"default-src 'none'; script-src 'sha256-"));
  for (const absl::string_view script : {kPlotlyScript, kPageScript}) {
    EXPECT_THAT(page,
                HasSubstr("'sha256-" + absl::Base64Escape(schema::Sha256Bytes(script)) + "'"));
    EXPECT_EQ(Count(page, "<script>" + std::string(script) + "</script>"), 1);
  }
  EXPECT_EQ(Count(page, "unsafe-inline"), 1) << "of styles alone";
}

TEST(HtmlReport, ItsScriptsCannotBeEndedByWhatTheyHold) {
  for (const absl::string_view script : {kPlotlyScript, kPageScript}) {
    EXPECT_THAT(std::string(script), Not(HasSubstr("</script")));
    EXPECT_THAT(std::string(script), Not(HasSubstr("<!--")));
    EXPECT_THAT(std::string(script), Not(HasSubstr("\r"))) << "a browser would drop it";
  }
}

TEST(HtmlReport, DataAreNeverMarkup) {
  for (const char* way : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"}) {
    EXPECT_THAT(std::string(kPageScript), Not(HasSubstr(way)));
  }
}

}  // namespace
}  // namespace forensics::analyzer
