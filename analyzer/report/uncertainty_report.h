// What the JSON report says of uncertainty and of propagation.
#ifndef ANALYZER_REPORT_UNCERTAINTY_REPORT_H_
#define ANALYZER_REPORT_UNCERTAINTY_REPORT_H_

#include <optional>
#include <string>

#include "analyzer/analysis/experiment_report.h"
#include "analyzer/report/report_writer.h"

namespace forensics::analyzer {

// `low` and `high` under `key`, null where there is none.
void WriteInterval(ReportWriter& writer, const std::string& key,
                   const std::optional<Interval>& interval);

// `reason` under `interval_reason`, null if it is empty.
void WriteIntervalReason(ReportWriter& writer, const std::string& reason);

// `uncertainty` of `signal`. The ROC curve is written if `with_curve`.
void WriteUncertainty(ReportWriter& writer, const SignalComparison& signal,
                      const SignalUncertainty& uncertainty, bool with_curve);

// `resampling`: what the figures under `uncertainty` were made with.
void WriteResampling(ReportWriter& writer, const StatisticsOptions& options);

// `by_position` of one signal: arrays over distinct positions.
void WriteByPosition(ReportWriter& writer, const SignalComparison& signal);

// `propagation` of a pair: arrays over layers, by kind of signal and phase.
void WritePropagation(ReportWriter& writer, const RunComparison& comparison);

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_UNCERTAINTY_REPORT_H_
