#include "analyzer/report/json_reports.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "analyzer/analysis/caveats.h"
#include "analyzer/analysis/undefined_reason.h"
#include "analyzer/reading/json_fields.h"
#include "analyzer/report/divergence_report.h"
#include "analyzer/report/leave_one_out_report.h"
#include "analyzer/report/pair_reports.h"
#include "analyzer/report/report_writer.h"
#include "analyzer/report/signal_report.h"
#include "analyzer/report/uncertainty_report.h"

namespace forensics::analyzer {
namespace {

constexpr size_t kMostLines = 200;

// `key`, or key with `detail` if the object has it already.
std::string UniqueKey(std::set<std::string>& keys, const std::string& key,
                      const std::string& detail) {
  std::string unique = key;
  for (int copy = 1; !keys.insert(unique).second; ++copy) {
    unique = copy == 1 ? absl::StrCat(key, " (", detail, ")")
                       : absl::StrCat(key, " (", detail, ", ", copy, ")");
  }
  return unique;
}

std::vector<std::string> Shortened(const std::vector<std::string>& lines) {
  if (lines.size() <= kMostLines) return lines;
  std::vector<std::string> shortened(lines.begin(), lines.begin() + kMostLines);
  shortened.push_back(absl::StrCat("and ", lines.size() - kMostLines, " more"));
  return shortened;
}

std::vector<std::string> NotReproducible(const ExperimentReport& report) {
  std::vector<std::string> config_ids;
  for (const Reproducibility& checked : report.reproducibility) {
    if (checked.flagged()) config_ids.push_back(checked.config_id);
  }
  return config_ids;
}

void WriteReproducibility(ReportWriter& writer, const ExperimentReport& report) {
  writer.StartObject("reproducibility");
  std::set<std::string> keys;
  for (const Reproducibility& checked : report.reproducibility) {
    if (!keys.insert(checked.config_id).second) continue;
    writer.StartObject(checked.config_id);
    writer.Field("config_id", checked.config_id);
    writer.StartObject("within_config_distances");
    std::vector<double> distances;
    for (const RepetitionPair& pair : checked.pairs) {
      writer.Field(pair.name, pair.l2);
      if (pair.l2.has_value()) distances.push_back(*pair.l2);
    }
    writer.EndObject();
    const DistanceSummary summary = Summarize(distances);
    const bool known = !distances.empty();
    writer.Field("mean", known ? std::optional<double>(summary.mean) : std::nullopt);
    writer.Field("max", known ? std::optional<double>(summary.max) : std::nullopt);
    writer.Field("reproducible", checked.reproducible);
    writer.Field("declared_reproducible", checked.declared);
    writer.Field("repetitions", checked.repetitions);
    writer.Field("stored_repetitions", checked.stored_repetitions);
    writer.Field("compared_rep_id", checked.compared_run == nullptr
                                        ? std::nullopt
                                        : std::optional<int64_t>(checked.compared_run->rep_id));
    writer.Field("note", checked.note);
    writer.EndObject();
  }
  writer.EndObject();
}

// With more than two hardware, a value's first pair has the plain key.
void WriteCrossHardwareBaseline(ReportWriter& writer, const ExperimentReport& report,
                                const PairTexts& texts) {
  writer.StartObject("cross_hardware_baseline");
  std::set<std::string> keys;
  for (const CrossHardwareBaseline& cross : report.cross_hardware_baseline) {
    for (const ConfigurationPair& pair : cross.pairs) {
      writer.Raw(UniqueKey(keys, pair.value, HardwareNames(cross)), texts.at(&pair));
    }
  }
  writer.EndObject();
}

void WriteVariants(ReportWriter& writer, const std::string& key,
                   const std::vector<ConfigurationPair>& pairs, const PairTexts& texts) {
  writer.StartObject(key);
  std::set<std::string> keys;
  for (const ConfigurationPair& pair : pairs) {
    writer.Raw(UniqueKey(keys, pair.value, pair.b->config_id), texts.at(&pair));
  }
  writer.EndObject();
}

void WriteNoise(ReportWriter& writer, const ExperimentReport& report) {
  writer.StartObject("noise");
  for (const auto& [signal, noise] : report.noise) {
    writer.StartObject(SignalName(signal));
    writer.Field("mean", noise.mean);
    writer.Field("at_baseline_value", noise.at_baseline);
    writer.EndObject();
  }
  writer.EndObject();
}

void WriteRunTimes(ReportWriter& writer, const ExperimentReport& report) {
  writer.StartObject("run_time");
  for (const auto& [hardware, times] : report.run_times) {
    writer.StartObject(hardware);
    for (const RunTime& time : times) {
      writer.StartObject(time.configuration->config_id);
      writer.Field("value", time.configuration->variable_value);
      writer.Field("mean_seconds", time.mean_seconds);
      writer.Field("variance", time.variance);
      writer.Field("repetitions", time.repetitions);
      writer.Field("slowdown", time.slowdown);
      WriteInterval(writer, "slowdown_interval", time.slowdown_interval);
      WriteIntervalReason(writer, time.interval_reason);
      writer.Field("slower_p_value", time.slower_p_value);
      writer.Field("slower_p_holm", time.slower_p_holm);
      writer.Field("first_over_others", time.first_over_others);
      if (!time.configuration->overlap.empty()) {
        writer.StartObject("overlap");
        for (const auto& [name, figure] : time.configuration->overlap) writer.Field(name, figure);
        writer.EndObject();
      }
      writer.EndObject();
    }
    writer.EndObject();
  }
  writer.EndObject();
}

void WriteCaveats(ReportWriter& writer, const ExperimentReport& report) {
  writer.StartArray("caveats");
  for (const Caveat& caveat : Caveats(report)) {
    writer.StartObject();
    writer.Field("kind", caveat.kind);
    writer.Field("text", caveat.text);
    writer.EndObject();
  }
  writer.EndArray();
}

void WriteWarmUp(ReportWriter& writer, const std::optional<WarmUp>& warm_up) {
  if (!warm_up.has_value()) return writer.Null("warm_up");
  writer.StartObject("warm_up");
  writer.Field("configurations", warm_up->configurations);
  writer.Field("first_slowest", warm_up->first_slowest);
  writer.Field("p_value", warm_up->p_value);
  writer.Field("mean_first_over_others", warm_up->mean_first_over_others);
  writer.Field("systematic", warm_up->is_systematic());
  writer.EndObject();
}

void WriteReport(ReportWriter& writer, const ExperimentReport& report, const PairTexts& texts) {
  writer.Field("experiment", report.experiment.type);
  writer.Field("variable", report.experiment.variable);
  writer.Field("file", report.experiment.path);
  writer.Field("headline_signal", SignalName(report.headline));
  writer.StartObject("baseline_values");
  for (const WithinHardware& within : report.within_hardware) {
    writer.Field(within.hardware, within.baseline->variable_value);
  }
  writer.EndObject();
  WriteReproducibility(writer, report);
  WriteCrossHardwareBaseline(writer, report, texts);
  writer.StartObject("within_hardware_detectability");
  for (const WithinHardware& within : report.within_hardware) {
    WriteVariants(writer, within.hardware, within.pairs, texts);
  }
  writer.EndObject();
  writer.StartObject("cross_hardware_detectability");
  for (const CrossHardwareDetectability& cross : report.cross_hardware) {
    WriteVariants(
        writer,
        absl::StrCat(cross.variant_hardware, "_variant_vs_", cross.baseline_hardware, "_baseline"),
        cross.pairs, texts);
  }
  writer.EndObject();
  WriteNoise(writer, report);
  WriteIdentityClasses(writer, report);
  writer.StartObject("attribution");
  WriteLeaveOneOut(writer, report.leave_one_out, report.statistics.resampling.level);
  writer.EndObject();
  WriteResampling(writer, report.statistics);
  WriteRunTimes(writer, report);
  WriteWarmUp(writer, report.warm_up);
  writer.Field("confounding", report.confounding);
  writer.Field("gaps", Shortened(report.gaps));
  writer.Field("findings", Shortened(report.findings));
  WriteCaveats(writer, report);
}

// Of the variant with the largest distance.
void WriteSummaryUncertainty(ReportWriter& writer, const ExperimentReport& report) {
  std::optional<NoiseComparison> against;
  if (report.summary.largest != nullptr) {
    against = report.summary.largest->uncertainty.at(report.headline).by_mean;
  }
  WriteInterval(writer, "snr_interval",
                against.has_value() ? against->snr_interval : std::optional<Interval>());
  writer.Field("p_holm", against.has_value() ? against->p_holm : std::optional<double>());
}

}  // namespace

std::string AnalysisReportsJson(const std::vector<ExperimentReport>& reports) {
  const PairTexts texts = WritePairs(reports);
  ReportWriter writer;
  std::set<std::string> keys;
  writer.StartObject();
  for (const ExperimentReport& report : reports) {
    writer.StartObject(UniqueKey(keys, report.name, report.experiment.path));
    WriteReport(writer, report, texts);
    writer.EndObject();
  }
  writer.EndObject();
  return writer.Text();
}

std::string SummaryJson(const std::vector<ExperimentReport>& reports) {
  ReportWriter writer;
  writer.StartArray();
  for (const ExperimentReport& report : reports) {
    const SummaryRow& row = report.summary;
    const auto known = [&](double value) {
      return row.signal_l2.n > 0 ? std::optional<double>(value) : std::nullopt;
    };
    writer.StartObject();
    writer.Field("experiment", report.experiment.type);
    writer.Field("variable", report.experiment.variable);
    writer.Field("baseline_l2", row.baseline_l2);
    writer.Field("min_signal_l2", known(row.signal_l2.min));
    writer.Field("mean_signal_l2", known(row.signal_l2.mean));
    writer.Field("max_signal_l2", known(row.signal_l2.max));
    writer.Field("baseline_l2_at_baseline_value", row.baseline_l2_at_baseline_value);
    WriteVerdict(writer, {row.by_mean, row.by_baseline}, row.identical);
    WriteSummaryUncertainty(writer, report);
    writer.Field("not_reproducible", NotReproducible(report));
    const std::optional<UndefinedReason> reason = FindUndefinedReason(report);
    writer.Field("why_undefined",
                 reason.has_value() ? std::optional<std::string>(reason->text) : std::nullopt);
    writer.Field("signal", SignalName(report.headline));
    writer.Field("file", report.experiment.path);
    writer.EndObject();
  }
  writer.EndArray();
  return writer.Text();
}

}  // namespace forensics::analyzer
