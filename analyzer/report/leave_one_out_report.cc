#include "analyzer/report/leave_one_out_report.h"

#include <string>

#include "analyzer/report/uncertainty_report.h"

namespace forensics::analyzer {
namespace {

void WriteConfusion(ReportWriter& writer, const std::string& key, const ConfusionMatrix& confusion,
                    double level) {
  if (confusion.present_rate.asked + confusion.absent_rate.asked == 0) return writer.Null(key);
  writer.StartObject(key);
  writer.Field("labels", confusion.labels);
  writer.Field("answers", confusion.answers());
  writer.Field("matrix", confusion.matrix);
  writer.Field("attributed", confusion.present_rate.asked);
  writer.Field("right", confusion.present_rate.right);
  writer.Field("accuracy", confusion.present_rate.rate());
  WriteInterval(writer, "accuracy_interval", confusion.present_rate.interval(level));
  writer.Field("mean_confidence", confusion.mean_confidence());
  if (const std::string caveat = confusion.Caveat(level); caveat.empty()) {
    writer.Null("caveat");
  } else {
    writer.Field("caveat", caveat);
  }
  writer.Field("absent", confusion.absent);
  writer.Field("absent_right", confusion.absent_rate.right);
  writer.Field("absent_accuracy", confusion.absent_rate.rate());
  WriteInterval(writer, "absent_accuracy_interval", confusion.absent_rate.interval(level));
  writer.EndObject();
}

}  // namespace

void WriteLeaveOneOut(ReportWriter& writer, const LeaveOneOut& leave_one_out, double level) {
  writer.StartObject("leave_one_out");
  WriteConfusion(writer, "by_value", leave_one_out.by_value, level);
  WriteConfusion(writer, "by_hardware", leave_one_out.by_hardware, level);
  writer.EndObject();
}

}  // namespace forensics::analyzer
