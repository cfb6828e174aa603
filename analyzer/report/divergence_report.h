// What the JSON report says of identical bits and of where bits and tokens part.
#ifndef ANALYZER_REPORT_DIVERGENCE_REPORT_H_
#define ANALYZER_REPORT_DIVERGENCE_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "analyzer/analysis/experiment_report.h"
#include "analyzer/report/report_writer.h"

namespace forensics::analyzer {

// "0x3f800000".
std::string HexadecimalBits(float value);

// None for NaN and infinities.
std::optional<int64_t> UlpsOf(const ChangedElement& changed, NumberFormat format);

// `first_divergence` of one signal, null where no bit differs. Distances are in `format`.
void WriteSignalDivergence(ReportWriter& writer, const std::optional<SignalDivergence>& divergence,
                           NumberFormat format);

// `first_divergence` over all signals, which it names, and `first_divergent_token`.
void WriteDivergence(ReportWriter& writer, const RunComparison& comparison);

// `identity_classes` of an experiment.
void WriteIdentityClasses(ReportWriter& writer, const ExperimentReport& report);

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_DIVERGENCE_REPORT_H_
