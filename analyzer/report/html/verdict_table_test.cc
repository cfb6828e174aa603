#include "analyzer/report/html/verdict_table.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Verdict(const char* summary) {
  rapidjson::Document document;
  document.Parse(summary);
  EXPECT_FALSE(document.HasParseError());
  return VerdictHtml(document);
}

constexpr char kSummary[] = R"([
  {"experiment": "reference", "variable": "none", "baseline_l2": 6.4e-05, "min_signal_l2": null,
   "mean_signal_l2": null, "max_signal_l2": null, "snr": null, "snr_interval": null,
   "p_holm": null, "detectability": "Undefined", "why_undefined": "no variant"},
  {"experiment": "quantization", "variable": "quant_method", "baseline_l2": 0, "min_signal_l2": 1,
   "mean_signal_l2": 2, "max_signal_l2": 27.5557, "snr": "Infinity",
   "snr_interval": {"low": 1.5, "high": 2.5}, "p_holm": 0.0004, "detectability": "Strong",
   "classes_differ": true, "detectability_at_baseline_value": "Weak",
   "not_reproducible": ["A100_awq"]},
  {"experiment": "compile", "variable": "compile", "baseline_l2": 1, "min_signal_l2": 1,
   "mean_signal_l2": 1, "max_signal_l2": 1.5, "snr": 1.5, "snr_interval": null, "p_holm": 0.25,
   "detectability": "Weak"},
  {"experiment": "streams", "variable": "<v>", "baseline_l2": 1, "min_signal_l2": 0,
   "mean_signal_l2": 0, "max_signal_l2": 0, "snr": 0, "snr_interval": null, "p_holm": null,
   "detectability": "Not Detectable", "identical": true}
])";

TEST(Verdict, SaysHowManyChangesRiseAndWhatIsUndefinedAndWhy) {
  const std::string html = Verdict(kSummary);
  EXPECT_THAT(html, HasSubstr("<strong>2 of 3 changes</strong> exceed a change of hardware, "
                              "<strong>1</strong> of them shown by test."));
  EXPECT_THAT(html, HasSubstr("Above: <b>quantization, compile</b>"));
  EXPECT_THAT(html, HasSubstr("1 of 2 that could be tested holds against chance"));
  EXPECT_THAT(html, HasSubstr("Not above: <b>streams</b>"));
  EXPECT_THAT(html, HasSubstr("Not judged: <b>reference</b> (no variant)"));
}

TEST(Verdict, DoesNotSayWithoutTheTestWhatTheTestDoesNotShow) {
  EXPECT_THAT(Verdict(R"([{"experiment": "a", "detectability": "Weak", "p_holm": 0.73}])"),
              HasSubstr("<strong>1 of 1 change</strong> exceeds a change of hardware, "
                        "not shown by test."));
  EXPECT_THAT(Verdict(R"([{"experiment": "a", "detectability": "Weak", "p_holm": 0.01}])"),
              HasSubstr("exceeds a change of hardware, shown by test."));
  EXPECT_THAT(Verdict(R"([{"experiment": "a", "detectability": "Weak", "p_holm": null}])"),
              HasSubstr("exceeds a change of hardware, which could not be tested."));
}

TEST(Verdict, CountsOneChangeAsOne) {
  EXPECT_THAT(Verdict(R"([{"experiment": "a", "detectability": "Not Detectable"}])"),
              HasSubstr("<strong>0 of 1 change</strong> exceeds a change of hardware."));
}

TEST(Verdict, WithoutARowThatIsJudgedSaysSo) {
  EXPECT_THAT(Verdict("[]"), HasSubstr("No change can be judged"));
  EXPECT_THAT(Verdict(R"([{"experiment": "a", "detectability": "Undefined"}])"),
              HasSubstr("Not judged: <b>a</b>."));
}

TEST(Verdict, ShowsFiguresRoundedAndHasThemInFull) {
  const std::string html = Verdict(kSummary);
  EXPECT_THAT(html, HasSubstr("data-key=\"max_signal_l2\" data-value=\"27.5557\">27.6</td>"));
  EXPECT_THAT(html, HasSubstr("data-key=\"baseline_l2\" data-value=\"6.4e-05\">6.40&times;"));
  EXPECT_THAT(html, HasSubstr("data-key=\"min_signal_l2\" data-value=\"null\">&ndash;</td>"));
  EXPECT_THAT(html, HasSubstr("data-key=\"snr\" data-value=\"Infinity\">&infin; <span "
                              "class=\"interval\">[1.50, 2.50]</span>"));
  EXPECT_THAT(html, HasSubstr("data-key=\"p_holm\" data-value=\"4e-04\">&lt;&#8239;0.001</td>"));
}

TEST(Verdict, NamesTheClassBesideItsSymbolAndWhatIsOdd) {
  const std::string html = Verdict(kSummary);
  EXPECT_THAT(html, HasSubstr("class=\"badge strong\"><span class=\"dots\" aria-hidden=\"true\">"
                              "&#9679;&#9679;&#9679;</span> Strong</span>"));
  EXPECT_THAT(html, HasSubstr("by the baseline value alone: Weak"));
  EXPECT_THAT(html, HasSubstr("not reproducible: 1 configuration<"));
  EXPECT_THAT(html, HasSubstr("identical bits"));
}

TEST(Verdict, ADistanceOfZeroWithOtherBitsIsNotIdentical) {
  const std::string html = Verdict(R"([{"experiment": "a", "detectability": "Not Detectable",
      "max_signal_l2": 0, "identical": false}])");
  EXPECT_THAT(html, HasSubstr("distance 0, but not identical bits"));
  EXPECT_THAT(html, Not(HasSubstr(">identical bits")));
}

TEST(Verdict, NamesAVariableThatTheExperimentDoesNot) {
  const std::string html = Verdict(kSummary);
  EXPECT_THAT(html, HasSubstr("quantization</a><span class=\"note\">quant_method</span></th>"));
  EXPECT_THAT(html, HasSubstr("compile</a></th>"));
  EXPECT_THAT(html, HasSubstr("reference</a></th>"));
}

TEST(Verdict, TextOfFilesIsNoMarkup) {
  const std::string html = Verdict(kSummary);
  EXPECT_THAT(html, HasSubstr("&lt;v&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("<v>")));
}

}  // namespace
}  // namespace forensics::analyzer
