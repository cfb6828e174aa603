// What the JSON report says of one pair of configurations, signal by signal.
#ifndef ANALYZER_REPORT_SIGNAL_REPORT_H_
#define ANALYZER_REPORT_SIGNAL_REPORT_H_

#include <string>

#include "analyzer/analysis/experiment_report.h"
#include "analyzer/report/report_writer.h"

namespace forensics::analyzer {

// Mean, min, max and n under `prefix`, null where nothing could be compared.
void WriteDistances(ReportWriter& writer, const std::string& prefix,
                    const DistanceSummary& summary);

// SNRs and classes against both noises.
void WriteVerdict(ReportWriter& writer, const SignalVerdict& verdict, bool identical);

// `signals`: every figure of every signal and layer. `pair` has a comparison.
void WriteSignals(ReportWriter& writer, const ConfigurationPair& pair, const SignalId& headline);

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_SIGNAL_REPORT_H_
