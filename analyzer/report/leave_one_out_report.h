// What the JSON reports say of attribution by leaving one out.
#ifndef ANALYZER_REPORT_LEAVE_ONE_OUT_REPORT_H_
#define ANALYZER_REPORT_LEAVE_ONE_OUT_REPORT_H_

#include "analyzer/attribution/leave_one_out.h"
#include "analyzer/report/report_writer.h"

namespace forensics::analyzer {

// `leave_one_out`; intervals are of `level`.
void WriteLeaveOneOut(ReportWriter& writer, const LeaveOneOut& leave_one_out, double level);

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_LEAVE_ONE_OUT_REPORT_H_
