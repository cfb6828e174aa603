#include "analyzer/report/html/verdict_table.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "analyzer/reading/number_text.h"
#include "analyzer/report/html/html_text.h"
#include "analyzer/statistics/holm.h"

namespace forensics::analyzer {
namespace {

using rapidjson::Value;

// How a class looks beside its name: a CSS class and a symbol.
struct Look {
  const char* name;
  const char* css;
  const char* symbol;
};

constexpr Look kLooks[] = {
    {"Strong", "strong", "&#9679;&#9679;&#9679;"},
    {"Moderate", "moderate", "&#9679;&#9679;&#9675;"},
    {"Weak", "weak", "&#9679;&#9675;&#9675;"},
    {"Not Detectable", "none", "&#9675;&#9675;&#9675;"},
    {"Undefined", "undefined", "?"},
};

const Look& LookOf(absl::string_view name) {
  const auto* found = std::find_if(std::begin(kLooks), std::end(kLooks),
                                   [&](const Look& look) { return look.name == name; });
  return found == std::end(kLooks) ? kLooks[4] : *found;
}

std::string Text(const Value& row, const char* key) {
  const auto member = row.FindMember(key);
  if (member == row.MemberEnd() || !member->value.IsString()) return "";
  return std::string(member->value.GetString(), member->value.GetStringLength());
}

std::optional<double> Number(const Value& row, const char* key) {
  const auto member = row.FindMember(key);
  if (member == row.MemberEnd()) return std::nullopt;
  if (member->value.IsNumber()) return member->value.GetDouble();
  const std::string text = Text(row, key);
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

bool IsAbove(const Value& row) {
  const std::string name = Text(row, "detectability");
  return name == "Strong" || name == "Moderate" || name == "Weak";
}

std::string Count(size_t n, const char* one, const char* many) {
  return absl::StrCat(n, " ", n == 1 ? one : many);
}

// "cuda_version is not judged: no second hardware ...": those of one cause together.
std::string UndefinedSentences(const Value& summary) {
  std::vector<std::pair<std::string, std::vector<std::string>>> causes;
  for (const Value& row : summary.GetArray()) {
    if (Text(row, "detectability") != "Undefined") continue;
    const std::string why = Text(row, "why_undefined");
    auto found = std::find_if(causes.begin(), causes.end(),
                              [&](const auto& cause) { return cause.first == why; });
    if (found == causes.end()) found = causes.insert(found, {why, {}});
    found->second.push_back(Text(row, "experiment"));
  }
  std::string html;
  for (const auto& [why, experiments] : causes) {
    absl::StrAppend(&html, "<li>Not judged: <b>", EscapeHtml(absl::StrJoin(experiments, ", ")),
                    "</b>", why.empty() ? "" : absl::StrCat(" (", EscapeHtml(why), ")"), ".</li>");
  }
  return html;
}

// Of the rows above: what the test against chance says.
struct Tests {
  size_t tested = 0;
  size_t shown = 0;
};

Tests TestsOf(const Value& summary) {
  Tests tests;
  for (const Value& row : summary.GetArray()) {
    const std::optional<double> p = Number(row, "p_holm");
    if (!IsAbove(row) || !p.has_value()) continue;
    ++tests.tested;
    if (*p < kSignificance) ++tests.shown;
  }
  return tests;
}

// A figure that the test does not show is not said without it.
std::string ShownByTest(const Tests& tests, size_t above) {
  if (tests.tested == 0) return ", which could not be tested";
  if (above == 1) return tests.shown == 1 ? ", shown by test" : ", not shown by test";
  return absl::StrCat(", <strong>", tests.shown, "</strong> of them shown by test");
}

std::string TestSentence(const Tests& tests) {
  if (tests.tested == 0) return "";
  return absl::StrFormat(
      "<li>Of those above, %d of %d that could be tested %s against chance (permutation test, Holm "
      "over all variants, p &lt; %g).</li>",
      tests.shown, tests.tested, tests.shown == 1 ? "holds" : "hold", kSignificance);
}

std::string Sentence(const Value& summary) {
  size_t judged = 0;
  const Tests tests = TestsOf(summary);
  std::vector<std::string> above, below;
  for (const Value& row : summary.GetArray()) {
    if (Text(row, "detectability") == "Undefined") continue;
    ++judged;
    (IsAbove(row) ? above : below).push_back(Text(row, "experiment"));
  }
  std::string html = "<p class=\"sentence\">";
  if (judged == 0) {
    absl::StrAppend(&html, "No change can be judged from these files.");
  } else {
    absl::StrAppend(&html, "<strong>", above.size(), " of ", Count(judged, "change", "changes"),
                    "</strong> ", judged == 1 || above.size() == 1 ? "exceeds" : "exceed",
                    " a change of hardware", above.empty() ? "" : ShownByTest(tests, above.size()),
                    ".");
  }
  absl::StrAppend(&html, "</p><ul class=\"reasons\">");
  if (!above.empty()) {
    absl::StrAppend(&html, "<li>Above: <b>", EscapeHtml(absl::StrJoin(above, ", ")),
                    "</b>. The strongest variant's mean L2 exceeds the mean L2 of the same "
                    "configuration on two hardware (SNR &gt; 1).</li>",
                    TestSentence(tests));
  }
  if (!below.empty()) {
    absl::StrAppend(&html, "<li>Not above: <b>", EscapeHtml(absl::StrJoin(below, ", ")),
                    "</b>.</li>");
  }
  return absl::StrCat(html, UndefinedSentences(summary), "</ul>");
}

// A cell with a figure, in full for those who read the page with a program.
std::string FigureCell(const char* key, std::optional<double> value, const std::string& shown) {
  return absl::StrCat("<td class=\"number\" data-key=\"", key, "\" data-value=\"",
                      value.has_value() ? NumberText(*value) : "null", "\">", shown, "</td>");
}

std::string FigureCell(const Value& row, const char* key) {
  const std::optional<double> value = Number(row, key);
  return FigureCell(key, value, NumberHtml(value));
}

// The experiment, with its variable where that has another name.
std::string NameCell(const Value& row, size_t index) {
  const std::string name = Text(row, "experiment");
  const std::string variable = Text(row, "variable");
  const bool is_told = variable == name || variable == "none";
  return absl::StrCat(
      "<th scope=\"row\"><a href=\"#experiment-", index, "\">", EscapeHtml(name), "</a>",
      is_told ? "" : absl::StrCat("<span class=\"note\">", EscapeHtml(variable), "</span>"),
      "</th>");
}

std::string SnrCell(const Value& row) {
  const std::optional<double> snr = Number(row, "snr");
  std::string shown = NumberHtml(snr);
  const auto interval = row.FindMember("snr_interval");
  if (interval != row.MemberEnd() && interval->value.IsObject()) {
    absl::StrAppend(&shown, " <span class=\"interval\">[",
                    NumberHtml(Number(interval->value, "low")), ", ",
                    NumberHtml(Number(interval->value, "high")), "]</span>");
  }
  return FigureCell("snr", snr, shown);
}

std::string ProbabilityCell(const Value& row) {
  const std::optional<double> p = Number(row, "p_holm");
  const bool small = p.has_value() && *p < 1e-3;
  return FigureCell("p_holm", p,
                    small           ? "&lt;&#8239;0.001"
                    : p.has_value() ? absl::StrFormat("%.2g", *p)
                                    : NumberHtml(p));
}

std::string ClassCell(const Value& row) {
  const std::string name = Text(row, "detectability");
  const Look& look = LookOf(name);
  std::string notes;
  const auto add_note = [&](const std::string& note) {
    absl::StrAppend(&notes, "<span class=\"note\">", EscapeHtml(note), "</span>");
  };
  const auto is_true = [&](const char* key) {
    const auto member = row.FindMember(key);
    return member != row.MemberEnd() && member->value.IsTrue();
  };
  if (is_true("identical")) {
    add_note("identical bits");
  } else if (Number(row, "max_signal_l2") == std::optional<double>(0)) {
    add_note("distance 0, but not identical bits");
  }
  if (is_true("classes_differ")) {
    add_note(absl::StrCat("by the baseline value alone: ",
                          Text(row, "detectability_at_baseline_value")));
  }
  const auto flagged = row.FindMember("not_reproducible");
  if (flagged != row.MemberEnd() && flagged->value.IsArray() && !flagged->value.Empty()) {
    add_note("not reproducible: " +
             Count(flagged->value.Size(), "configuration", "configurations"));
  }
  return absl::StrCat("<td data-key=\"detectability\" data-value=\"", EscapeHtml(name),
                      "\"><span class=\"badge ", look.css,
                      "\"><span class=\"dots\" aria-hidden=\"true\">", look.symbol, "</span> ",
                      EscapeHtml(name), "</span>", notes, "</td>");
}

}  // namespace

std::string VerdictHtml(const Value& summary) {
  std::set<std::string> signals;
  for (const Value& row : summary.GetArray()) signals.insert(Text(row, "signal"));
  std::string html = absl::StrCat(
      Sentence(summary), R"(
<div class="scroll" tabindex="0" role="region" aria-label="Summary of all experiments">
<table class="verdict">
<caption><span>Of )",
      EscapeHtml(absl::StrJoin(signals, ", ")),
      R"(. Baseline L2: a change of hardware alone. Signal L2: a change of the variable on one hardware; SNR: the largest over the baseline; its interval and <i>p</i>: position by position.</span></caption>
<thead><tr><th scope="col">Experiment, variable</th><th scope="col">Class</th>
<th scope="col" class="number">SNR <span class="interval">[95 %]</span></th>
<th scope="col" class="number"><i>p</i> (Holm)</th>
<th scope="col" class="number">Baseline L2</th>
<th scope="col" class="number">Signal L2 min</th><th scope="col" class="number">mean</th>
<th scope="col" class="number">max</th></tr></thead>
<tbody>
)");
  size_t index = 0;
  for (const Value& row : summary.GetArray()) {
    absl::StrAppend(&html, "<tr>", NameCell(row, index++), ClassCell(row), SnrCell(row),
                    ProbabilityCell(row), FigureCell(row, "baseline_l2"),
                    FigureCell(row, "min_signal_l2"), FigureCell(row, "mean_signal_l2"),
                    FigureCell(row, "max_signal_l2"), "</tr>\n");
  }
  return absl::StrCat(html, "</tbody></table></div>\n");
}

}  // namespace forensics::analyzer
