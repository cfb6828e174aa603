#include "analyzer/report/html/embedded_reports.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kReports[] = R"({
  "compile": {
    "headline_signal": "hidden_states/layer_2",
    "within_hardware_detectability": {
      "A100": {
        "true": {
          "l2_distance": 0.1000000000000000055,
          "by_position": "a value of that name",
          "signals": {
            "hidden_states/layer_1": {
              "snr": "Infinity",
              "phases": {"all": [{"by_position": 1}, []]},
              "by_position": {"positions": [1, [2]], "l2_distance": [null, -0.0]},
              "last": true
            },
            "hidden_states/layer_2": {
              "phases": {},
              "by_position": {"positions": [3]}
            }
          },
          "after": 7
        }
      }
    },
    "caveats": [{"kind": "gaps", "text": "a \" b\\"}, {"text": "\\\" c"}]
  }
}
)";

// A limit just below the length at a level of detail asks for the next.
size_t LengthAt(int level) {
  size_t length = EmbedReports(kReports).json.size();
  for (int i = 0; i < level; ++i) length = EmbedReports(kReports, length - 1).json.size();
  return length;
}

TEST(EmbedReports, KeepTheTextButNoWhiteSpace) {
  const EmbeddedReports embedded = EmbedReports(kReports);
  EXPECT_THAT(embedded.left_out, IsEmpty());
  EXPECT_EQ(
      embedded.json,
      R"({"compile":{"headline_signal":"hidden_states/layer_2","within_hardware_detectability":)"
      R"({"A100":{"true":{"l2_distance":0.1000000000000000055,"by_position":"a value of that )"
      R"(name","signals":{"hidden_states/layer_1":{"snr":"Infinity","phases":{"all":[)"
      R"({"by_position":1},[]]},"by_position":{"positions":[1,[2]],"l2_distance":[null,-0.0]},)"
      R"("last":true},"hidden_states/layer_2":{"phases":{},"by_position":{"positions":[3]}}},)"
      R"("after":7}}},"caveats":[{"kind":"gaps","text":"a \" b\\"},{"text":"\\\" c"}]}})");
}

TEST(EmbedReports, KeepALongTextInItsOrder) {
  std::string lines = "{\n", compact = "{";
  for (int i = 0; lines.size() < (5 << 20); ++i) {
    absl::StrAppend(&lines, "  \"", i, "\": \" {[ , \\\"  :\",\n");
    absl::StrAppend(&compact, "\"", i, "\":\" {[ , \\\"  :\",");
  }
  EXPECT_TRUE(EmbedReports(lines + "  \"end\": 1\n}\n").json == compact + "\"end\":1}");
}

TEST(EmbedReports, LeavePositionsOfOtherSignalsOutFirst) {
  const EmbeddedReports embedded = EmbedReports(kReports, LengthAt(0) - 1);
  EXPECT_THAT(embedded.left_out, HasSubstr("by position"));
  EXPECT_THAT(embedded.json,
              HasSubstr(R"("snr":"Infinity","phases":{"all":[{"by_position":1},[]]},"last":true)"));
  EXPECT_THAT(embedded.json, HasSubstr(R"("by_position":{"positions":[3]})"));
  EXPECT_THAT(embedded.json, HasSubstr("a value of that name"));
}

TEST(EmbedReports, ThenTheirFiguresByPhase) {
  const EmbeddedReports embedded = EmbedReports(kReports, LengthAt(1) - 1);
  EXPECT_THAT(embedded.json,
              HasSubstr(R"("hidden_states/layer_1":{"snr":"Infinity","last":true})"));
  EXPECT_THAT(embedded.json, HasSubstr(R"("hidden_states/layer_2":{"phases":{},"by_position")"));
}

TEST(EmbedReports, ThenAllSignalsOfPairs) {
  const EmbeddedReports embedded = EmbedReports(kReports, 1);
  EXPECT_THAT(embedded.json, Not(HasSubstr("signals")));
  EXPECT_THAT(embedded.json,
              HasSubstr(R"("by_position":"a value of that name","after":7}}},"caveats")"));
  EXPECT_THAT(embedded.left_out, HasSubstr("all figures of signals"));
}

}  // namespace
}  // namespace forensics::analyzer
