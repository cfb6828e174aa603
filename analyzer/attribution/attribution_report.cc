#include "analyzer/attribution/attribution_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "analyzer/report/leave_one_out_report.h"
#include "analyzer/report/report_writer.h"
#include "analyzer/report/table.h"

namespace forensics::analyzer {
namespace {

constexpr double kLevel = 0.95;   // of intervals
constexpr size_t kMostRows = 10;  // of a ranking in the table

const char* UnitName(DistanceUnit unit) {
  switch (unit) {
    case DistanceUnit::kHardwareNoise:
      return "hardware_noise";
    case DistanceUnit::kLibraryDistance:
      return "library_distance";
    case DistanceUnit::kL2:
      return "l2";
  }
  return "";
}

void WritePlace(ReportWriter& writer, const Place& place) {
  writer.Field("file", place.file);
  writer.Field("config_id", place.config_id);
}

void WriteSignals(ReportWriter& writer, const RunDistance& distance) {
  writer.StartObject("signals");
  for (const auto& [signal, found] : distance.signals) {
    writer.StartObject(SignalName(signal));
    writer.Field("l2_distance",
                 found.positions > 0 ? std::optional<double>(found.mean_l2) : std::nullopt);
    writer.Field("positions", found.positions);
    writer.Field("positions_compared", found.compared);
    writer.Field("positions_identical", found.identical);
    writer.EndObject();
  }
  writer.EndObject();
}

void WriteNotCompared(ReportWriter& writer, const RunDistance& distance) {
  writer.StartObject("positions_not_compared");
  writer.Field("other_length", distance.not_compared.other_length);
  writer.Field("other_context", distance.not_compared.other_context);
  writer.Field("one_sided", distance.not_compared.one_sided);
  writer.EndObject();
  writer.Field("first_other_token_step", distance.first_other_token);
}

void WriteFirstDivergence(ReportWriter& writer, const std::optional<Divergence>& divergence) {
  if (!divergence.has_value()) return writer.Null("first_divergence");
  writer.StartObject("first_divergence");
  writer.Field("signal", SignalName(divergence->signal));
  writer.Field("position", divergence->where.at.Computed());
  writer.Field("step", divergence->where.at.step);
  writer.Field("element", divergence->where.changed.element);
  writer.EndObject();
}

void WriteConfiguration(ReportWriter& writer, const RankedConfiguration& entry) {
  writer.StartObject();
  WritePlace(writer, entry.place);
  writer.StartArray("copies");
  for (const Place& copy : entry.copies) {
    writer.StartObject();
    WritePlace(writer, copy);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Field("setup", entry.labels.value);
  writer.Field("hardware", entry.labels.hardware);
  writer.Field("distance", entry.distance);
  writer.Field("identical", entry.observation.distance.identical());
  writer.Field("same_prompt", entry.observation.distance.same_prompt);
  WriteNotCompared(writer, entry.observation.distance);
  WriteFirstDivergence(writer, entry.observation.first_divergence);
  WriteSignals(writer, entry.observation.distance);
  writer.EndObject();
}

void WriteAnswer(ReportWriter& writer, const std::string& key, const Answer& answer) {
  writer.StartObject(key);
  writer.Field("answer", answer.text());
  writer.Field("confidence", answer.confidence());
  writer.Field("none_of_these", answer.none_of_these);
  writer.Field("calibration_pairs", static_cast<int64_t>(answer.pairs));
  writer.StartArray("candidates");
  for (const Candidate& candidate : answer.candidates) {
    writer.StartObject();
    writer.Field("label", candidate.label);
    writer.Field("probability", candidate.probability);
    writer.Field("distance", candidate.distance);
    writer.Field("p_value", candidate.p_value);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
}

void WriteAttribution(ReportWriter& writer, const Attribution& attribution) {
  writer.StartObject();
  WritePlace(writer, attribution.unknown);
  writer.Field("outcome", OutcomeName(attribution.outcome));
  writer.Field("verdict", attribution.verdict);
  writer.Field("distance_unit", UnitName(attribution.unit));
  WriteAnswer(writer, "setup", attribution.value);
  WriteAnswer(writer, "hardware", attribution.hardware);
  writer.StartArray("configurations");
  for (const RankedConfiguration& entry : attribution.ranked) WriteConfiguration(writer, entry);
  writer.EndArray();
  writer.EndObject();
}

std::string DistanceText(const std::optional<double>& distance) {
  return distance.has_value() ? absl::StrFormat("%.4g", *distance) : "-";
}

// The first bit that differs, or the token if another was chosen at an earlier step.
std::string DivergenceText(const RankedConfiguration& entry) {
  const RunDistance& distance = entry.observation.distance;
  const std::optional<Divergence>& bits = entry.observation.first_divergence;
  const std::optional<int64_t>& token = distance.first_other_token;
  if (bits.has_value() && (!token.has_value() || bits->where.at.step <= *token)) {
    return absl::StrFormat("%s at position %d", SignalName(bits->signal),
                           bits->where.at.Computed());
  }
  if (token.has_value()) return absl::StrCat("token of step ", *token);
  return distance.comparable() ? "-" : "not comparable";
}

std::string Shares(const Answer& answer) {
  if (!answer.none_of_these.has_value()) return "no probabilities";
  std::vector<std::string> shares;
  for (const Candidate& candidate : answer.candidates) {
    if (!candidate.probability.has_value()) continue;
    shares.push_back(absl::StrFormat("%s %.2f", candidate.label, *candidate.probability));
    if (candidate.p_value.has_value()) {
      absl::StrAppendFormat(&shares.back(), " (p = %.2g)", *candidate.p_value);
    }
  }
  if (shares.size() > kMostRows) shares.resize(kMostRows);
  shares.push_back(absl::StrFormat("%s %.2f", kNoneOfThese, *answer.none_of_these));
  return absl::StrJoin(shares, ", ");
}

void AddRanking(const Attribution& attribution, std::string& text) {
  absl::StrAppendFormat(&text, "%-28s %-28s %-18s %10s %10s  %s\n", "Configuration", "Setup",
                        "Hardware", "Distance", "Identical", "First difference");
  const size_t rows = std::min(attribution.ranked.size(), kMostRows);
  for (size_t i = 0; i < rows; ++i) {
    const RankedConfiguration& entry = attribution.ranked[i];
    const RunDistance& distance = entry.observation.distance;
    absl::StrAppendFormat(&text, "%-28s %-28s %-18s %10s %10s  %s\n", entry.place.config_id,
                          entry.labels.value, entry.labels.hardware, DistanceText(entry.distance),
                          absl::StrCat(distance.identical_signals(), "/", distance.signals.size()),
                          DivergenceText(entry));
  }
  if (rows < attribution.ranked.size()) {
    absl::StrAppend(&text, "and ", attribution.ranked.size() - rows, " more\n");
  }
}

void AddRate(const char* asked, const ConfusionMatrix& confusion, std::string& text) {
  absl::StrAppend(&text, "  ", asked, ": ");
  const HitRate& rate = confusion.present_rate;
  if (rate.asked == 0) {
    absl::StrAppend(&text, "nothing to ask\n");
    return;
  }
  const Interval interval = *rate.interval(kLevel);
  absl::StrAppendFormat(
      &text, "%d of %d right (95%% interval %.2f to %.2f), mean confidence %.2f\n", rate.right,
      rate.asked, interval.low, interval.high, *confusion.mean_confidence());
  const std::string caveat = confusion.Caveat(kLevel);
  if (!caveat.empty()) absl::StrAppend(&text, "    Caveat: ", caveat, "\n");
}

}  // namespace

std::string AttributionJson(const AttributionReport& report) {
  ReportWriter writer;
  writer.StartObject();
  writer.StartArray("unknowns");
  for (const Attribution& attribution : report.attributions) WriteAttribution(writer, attribution);
  writer.EndArray();
  writer.Field("library_files", report.library_files);
  writer.Field("library_incomplete", report.incomplete);
  writer.Field("library_contradictions", report.contradictions);
  WriteLeaveOneOut(writer, report.leave_one_out, kLevel);
  writer.EndObject();
  return writer.Text();
}

std::string AttributionTable(const AttributionReport& report) {
  std::string text;
  for (const Attribution& attribution : report.attributions) {
    absl::StrAppend(&text, attribution.unknown.file, ": ", attribution.unknown.config_id, "\n");
    AddRanking(attribution, text);
    absl::StrAppend(&text, "Setup:    ", Shares(attribution.value), "\n");
    absl::StrAppend(&text, "Hardware: ", Shares(attribution.hardware), "\n");
    absl::StrAppend(&text, "Verdict:  ", attribution.verdict, "\n\n");
  }
  for (const std::string& contradiction : report.contradictions) {
    absl::StrAppend(&text, "Caveat: ", contradiction, "\n");
  }
  absl::StrAppend(&text, "The library's own configurations, each attributed by the others:\n");
  AddRate("setup from other hardware", report.leave_one_out.by_value, text);
  AddRate("hardware from other setups", report.leave_one_out.by_hardware, text);
  return text;
}

std::string AttributionCsv(const AttributionReport& report) {
  Table table(Separator::kComma, {"unknown_file", "unknown_config_id", "rank", "file", "config_id",
                                  "setup", "hardware", "distance", "distance_unit", "identical",
                                  "identical_signals", "signals", "outcome"});
  for (const Attribution& attribution : report.attributions) {
    for (size_t i = 0; i < attribution.ranked.size(); ++i) {
      const RankedConfiguration& entry = attribution.ranked[i];
      const RunDistance& distance = entry.observation.distance;
      table.Add({attribution.unknown.file, attribution.unknown.config_id, absl::StrCat(i + 1),
                 entry.place.file, entry.place.config_id, entry.labels.value, entry.labels.hardware,
                 NumberCell(entry.distance), UnitName(attribution.unit),
                 TruthCell(distance.identical()), absl::StrCat(distance.identical_signals()),
                 absl::StrCat(distance.signals.size()), OutcomeName(attribution.outcome)});
    }
  }
  return table.text();
}

}  // namespace forensics::analyzer
