#include "analyzer/report/text_reports.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "analyzer/analysis/caveats.h"
#include "analyzer/report/table.h"

namespace forensics::analyzer {
namespace {

// Findings and gaps of one experiment that the table's reader is shown; all are in the JSON report.
constexpr size_t kMostRemarks = 5;

constexpr char kUncertaintyHeading[] =
    "\nHEADLINE SIGNAL (95 % interval: of the SNR position by position, not of the class's; p: not "
    "above\nthe noise, by Holm; L2 by who computed it)\n"
    "Experiment           Configuration                        95 % interval        p   Prefill    "
    "Decode\n";
constexpr char kRunTimeHeading[] =
    "\nRUN TIME (mean; slowdown against the baseline on the same hardware; p: not slower, by "
    "Holm)\n"
    "Experiment           Configuration                      Seconds  Slowdown    95 % interval   "
    "     p\n";

std::string Fixed(std::optional<double> value, int decimals) {
  if (!value.has_value()) return "-";
  if (std::isinf(*value)) return "inf";
  return absl::StrFormat("%.*f", decimals, *value);
}

// Four decimals, as the plan has it; but a small distance is not shown as none, nor a
// large one wider than its column.
std::string Distance(std::optional<double> value) {
  const bool is_small = value.has_value() && *value > 0 && *value < 1e-3;
  if (is_small) return absl::StrFormat("%.1e", *value);
  const bool is_wide = value.has_value() && *value >= 1e6 && std::isfinite(*value);
  return is_wide ? absl::StrFormat("%.3g", *value) : Fixed(value, 4);
}

// To three digits.
std::string Bounds(const std::optional<Interval>& interval) {
  if (!interval.has_value()) return "-";
  return absl::StrFormat("%.3g to %.3g", interval->low, interval->high);
}

std::string Bounds(const std::optional<Interval>& interval, int decimals) {
  if (!interval.has_value()) return "-";
  return absl::StrCat(Fixed(interval->low, decimals), " to ", Fixed(interval->high, decimals));
}

// A small one is not shown as none.
std::string Probability(std::optional<double> p) {
  return p.has_value() && *p < 1e-4 ? "<0.0001" : Fixed(p, 4);
}

std::string Row(const ExperimentReport& report) {
  const SummaryRow& row = report.summary;
  const std::optional<double> max =
      row.signal_l2.n > 0 ? std::optional<double>(row.signal_l2.max) : std::nullopt;
  return absl::StrFormat("%-20s %-20s %-15s %-15s %-10s %-15s\n", Printable(report.name),
                         Printable(report.experiment.variable), Distance(row.baseline_l2),
                         Distance(max), Fixed(row.by_mean.snr, 2),
                         DetectabilityName(row.by_mean.detectability));
}

// Variants whose every signal has the baseline's bits: where the variable changes nothing, or
// nothing but the run time. Empty if there is none.
std::string BitIdentical(const ExperimentReport& report) {
  std::vector<std::string> config_ids;
  for (const WithinHardware& within : report.within_hardware) {
    for (const ConfigurationPair& pair : within.pairs) {
      if (pair.identical()) config_ids.push_back(pair.b->config_id);
    }
  }
  if (config_ids.empty()) return "";
  return absl::StrCat("bit-identical to the baseline in all signals: ",
                      absl::StrJoin(config_ids, ", "));
}

// Lines of confounding that the table's reader is shown; all are in the JSON report.
std::vector<std::string> ShownConfounding(const ExperimentReport& report) {
  std::vector<std::string> lines = report.confounding;
  if (lines.size() <= kMostRemarks) return lines;
  lines.resize(kMostRemarks);
  lines.push_back(absl::StrCat(report.confounding.size() - kMostRemarks,
                               " more differences in the report (confounding)"));
  return lines;
}

// Kinds of caveats that Remarks has in its own words, with figures or shortened.
bool HasItsOwnRemark(const Caveat& caveat) {
  static const auto* const kinds = new std::set<std::string>{
      "unread_file", "not_reproducible", "confounded", "classes_differ", "gaps"};
  return kinds->count(caveat.kind) > 0;
}

// Whose configurations were fed tokens stands in the reports: the same in most experiments.
std::string ShownText(const Caveat& caveat) {
  const size_t names_end = caveat.text.find(": ");
  if (caveat.kind != "forced_decoding" || names_end == std::string::npos) return caveat.text;
  return caveat.text.substr(names_end + 2);
}

// A line a caveat; experiments that share one stand in one line.
std::string CaveatRemarks(const std::vector<ExperimentReport>& reports) {
  std::vector<std::pair<std::string, std::vector<std::string>>> experiments;  // by text
  for (const ExperimentReport& report : reports) {
    for (const Caveat& caveat : Caveats(report)) {
      if (HasItsOwnRemark(caveat)) continue;
      auto found = std::find_if(experiments.begin(), experiments.end(), [&](const auto& entry) {
        return entry.first == ShownText(caveat);
      });
      if (found == experiments.end()) found = experiments.insert(found, {ShownText(caveat), {}});
      found->second.push_back(Printable(report.name));
    }
  }
  std::string text;
  for (const auto& [caveat, types] : experiments) {
    absl::StrAppend(&text, absl::StrJoin(types, ", "), ": ", Printable(caveat), "\n");
  }
  return text;
}

std::string Remarks(const ExperimentReport& report) {
  std::vector<std::string> lines;
  if (const std::string same = BitIdentical(report); !same.empty()) lines.push_back(same);
  for (const std::string& line : ShownConfounding(report)) lines.push_back(line);
  const SignalVerdict verdict{report.summary.by_mean, report.summary.by_baseline};
  if (verdict.classes_differ()) {
    lines.push_back(absl::StrFormat("by the noise at the baseline value alone (L2 %s): SNR %s, %s",
                                    Distance(report.summary.baseline_l2_at_baseline_value),
                                    Fixed(verdict.by_baseline.snr, 2),
                                    DetectabilityName(verdict.by_baseline.detectability)));
  }
  const size_t most = lines.size() + kMostRemarks;
  lines.insert(lines.end(), report.findings.begin(), report.findings.end());
  lines.insert(lines.end(), report.gaps.begin(), report.gaps.end());
  std::string text;
  for (size_t i = 0; i < lines.size() && i < most; ++i) {
    absl::StrAppend(&text, Printable(report.name), ": ", Printable(lines[i]), "\n");
  }
  if (lines.size() > most) {
    absl::StrAppend(&text, Printable(report.name), ": ", lines.size() - most,
                    " more remarks in the report (findings, gaps)\n");
  }
  return text;
}

std::string Percent(const Configuration& configuration, const char* figure) {
  const auto found = configuration.overlap.find(figure);
  if (found == configuration.overlap.end()) return "-";
  const double* share = std::get_if<double>(&found->second);
  const int64_t* whole = std::get_if<int64_t>(&found->second);
  if (share == nullptr && whole == nullptr) return "-";
  return absl::StrFormat("%.0f%%", 100 * (share != nullptr ? *share : static_cast<double>(*whole)));
}

// Mean L2 over the distinct positions of a phase.
std::optional<double> PhaseL2(const SignalComparison& signal, Phase phase) {
  const DistanceSummary& l2 = signal.in(phase).l2;
  return l2.n > 0 ? std::optional<double>(l2.mean) : std::nullopt;
}

// A line for each variant, with "-" for what it has not.
std::string UncertaintyRows(const ExperimentReport& report) {
  std::string rows;
  for (const WithinHardware& within : report.within_hardware) {
    for (const ConfigurationPair& pair : within.pairs) {
      SignalComparison signal;
      NoiseComparison against;
      if (pair.comparison.has_value()) {
        signal = pair.comparison->signals.at(report.headline);
        against = pair.uncertainty.at(report.headline).by_mean.value_or(against);
      }
      absl::StrAppend(
          &rows,
          absl::StrFormat("%-20s %-29s %20s %8s %9s %9s\n", Printable(report.name),
                          Printable(pair.b->config_id), Bounds(against.snr_interval),
                          Probability(against.p_holm), Distance(PhaseL2(signal, Phase::kPrefill)),
                          Distance(PhaseL2(signal, Phase::kDecode))));
    }
  }
  return rows;
}

// A line for each variant; the baselines' times are what they are compared with.
std::string RunTimeRows(const ExperimentReport& report) {
  std::string rows;
  for (const WithinHardware& within : report.within_hardware) {
    for (const RunTime& time : report.run_times.at(within.hardware)) {
      const Configuration& configuration = *time.configuration;
      if (&configuration == within.baseline) continue;
      absl::StrAppend(
          &rows, absl::StrFormat("%-20s %-32s %9s %9s %16s %8s\n", Printable(report.name),
                                 Printable(configuration.config_id), Fixed(time.mean_seconds, 3),
                                 Fixed(time.slowdown, 3), Bounds(time.slowdown_interval, 3),
                                 Probability(time.slower_p_holm)));
      if (!configuration.overlap.empty()) {
        absl::StrAppend(&rows, std::string(21, ' '), "load ran ",
                        Percent(configuration, "overlap_share"), " of the time, at ",
                        Percent(configuration, "utilisation"), " utilisation\n");
      }
    }
  }
  return rows;
}

// Nothing if there are no rows.
void AppendSection(const char* heading, std::string (*rows_of)(const ExperimentReport&),
                   const std::vector<ExperimentReport>& reports, std::string& table) {
  std::string rows;
  for (const ExperimentReport& report : reports) absl::StrAppend(&rows, rows_of(report));
  if (!rows.empty()) absl::StrAppend(&table, heading, rows);
}

}  // namespace

std::string SummaryTable(const std::vector<ExperimentReport>& reports) {
  const std::string line(80, '=');
  std::string table = absl::StrCat(line, "\nDETECTABILITY SUMMARY\n", line, "\n");
  absl::StrAppend(&table,
                  absl::StrFormat("%-20s %-20s %-15s %-15s %-10s %-15s\n", "Experiment", "Variable",
                                  "Baseline L2", "Max Signal L2", "SNR", "Detection"));
  absl::StrAppend(&table, std::string(80, '-'), "\n");
  for (const ExperimentReport& report : reports) absl::StrAppend(&table, Row(report));
  AppendSection(kUncertaintyHeading, UncertaintyRows, reports, table);
  AppendSection(kRunTimeHeading, RunTimeRows, reports, table);
  std::string remarks = CaveatRemarks(reports);
  for (const ExperimentReport& report : reports) absl::StrAppend(&remarks, Remarks(report));
  if (!remarks.empty()) absl::StrAppend(&table, "\n", remarks);
  return table;
}

}  // namespace forensics::analyzer
