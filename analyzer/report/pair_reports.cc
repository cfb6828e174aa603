#include "analyzer/report/pair_reports.h"

#include <functional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "analyzer/parallel/parallel.h"
#include "analyzer/report/divergence_report.h"
#include "analyzer/report/report_writer.h"
#include "analyzer/report/signal_report.h"
#include "analyzer/report/uncertainty_report.h"

namespace forensics::analyzer {
namespace {

// In the reports, in the experiment's, in the section, and in the hardware's where there is one.
constexpr int kBaselineDepth = 3;
constexpr int kVariantDepth = 4;

void WriteContexts(ReportWriter& writer, const Contexts& contexts) {
  writer.StartObject("contexts");
  writer.Field("same_prompt", contexts.same_prompt);
  writer.Field("steps_compared", static_cast<int64_t>(contexts.comparable_steps.size()));
  writer.Field("steps_left_out", contexts.steps_left_out);
  writer.Field("steps_missing",
               static_cast<int64_t>(contexts.missing_in_a.size() + contexts.missing_in_b.size()));
  writer.Field("first_fed_difference", contexts.first_fed_difference);
  writer.Field("first_unknown_token", contexts.first_unknown_token);
  writer.Field("first_token_difference", contexts.first_token_difference);
  writer.EndObject();
}

// What every pair has: the headline figures, then the rest. The caller has written the names.
void WriteComparison(ReportWriter& writer, const ConfigurationPair& pair,
                     const SignalId& headline) {
  DistanceSummary l2;
  if (pair.comparison.has_value()) l2 = pair.comparison->signals.at(headline).l2;
  WriteDistances(writer, "l2_distance", l2);
  const auto verdict = pair.verdicts.find(headline);
  if (verdict != pair.verdicts.end()) WriteVerdict(writer, verdict->second, pair.identical());
  writer.Field("not_reproducible", pair.not_reproducible);
  if (!pair.comparison.has_value()) {
    for (const char* key :
         {"contexts", "first_divergence", "first_divergent_token", "propagation", "signals"}) {
      writer.Null(key);
    }
    return;
  }
  WriteContexts(writer, pair.comparison->contexts);
  WriteDivergence(writer, *pair.comparison);
  WritePropagation(writer, *pair.comparison);
  WriteSignals(writer, pair, headline);
}

void WriteBaselinePair(ReportWriter& writer, const CrossHardwareBaseline& cross,
                       const ConfigurationPair& pair, const SignalId& headline) {
  writer.StartObject();
  writer.Field("hardware", HardwareNames(cross));
  writer.Field(absl::AsciiStrToLower(cross.hardware_a) + "_config", pair.a->config_id);
  writer.Field(absl::AsciiStrToLower(cross.hardware_b) + "_config", pair.b->config_id);
  WriteComparison(writer, pair, headline);
  writer.EndObject();
}

void WriteOtherDifferences(ReportWriter& writer, const ConfigurationPair& pair) {
  writer.StartObject("other_differences");
  for (const OtherDifference& difference : pair.other_differences) {
    writer.StartObject(difference.name);
    writer.Field("baseline", difference.baseline);
    writer.Field("variant", difference.variant);
    writer.EndObject();
  }
  writer.EndObject();
}

void WriteVariant(ReportWriter& writer, const ConfigurationPair& pair, const SignalId& headline) {
  writer.StartObject();
  writer.Field("config_id", pair.b->config_id);
  writer.Field("baseline_config_id", pair.a->config_id);
  writer.Field("baseline_value", pair.a->variable_value);
  writer.Field("test_value", pair.b->variable_value);
  if (pair.a->hardware == pair.b->hardware) WriteOtherDifferences(writer, pair);
  WriteComparison(writer, pair, headline);
  writer.EndObject();
}

class Writing {
 public:
  void AddBaselines(const ExperimentReport& report) {
    for (const CrossHardwareBaseline& cross : report.cross_hardware_baseline) {
      for (const ConfigurationPair& pair : cross.pairs) {
        tasks_.push_back([&, text = &texts_[&pair]] {
          ReportWriter writer(kBaselineDepth);
          WriteBaselinePair(writer, cross, pair, report.headline);
          *text = writer.Value();
        });
      }
    }
  }

  void AddVariants(const ExperimentReport& report, const std::vector<ConfigurationPair>& pairs) {
    for (const ConfigurationPair& pair : pairs) {
      tasks_.push_back([&, text = &texts_[&pair]] {
        ReportWriter writer(kVariantDepth);
        WriteVariant(writer, pair, report.headline);
        *text = writer.Value();
      });
    }
  }

  PairTexts Write() {
    RunOnAllCores(tasks_);
    return std::move(texts_);
  }

 private:
  PairTexts texts_;
  std::vector<std::function<void()>> tasks_;
};

}  // namespace

std::string HardwareNames(const CrossHardwareBaseline& cross) {
  return absl::StrCat(cross.hardware_a, "-", cross.hardware_b);
}

PairTexts WritePairs(const std::vector<ExperimentReport>& reports) {
  Writing writing;
  for (const ExperimentReport& report : reports) {
    writing.AddBaselines(report);
    for (const WithinHardware& within : report.within_hardware) {
      writing.AddVariants(report, within.pairs);
    }
    for (const CrossHardwareDetectability& cross : report.cross_hardware) {
      writing.AddVariants(report, cross.pairs);
    }
  }
  return writing.Write();
}

}  // namespace forensics::analyzer
