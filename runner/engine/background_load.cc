#include "runner/engine/background_load.h"

#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

double Length(const std::vector<Interval>& intervals) {
  double seconds = 0;
  for (const Interval& interval : intervals) seconds += interval.end - interval.begin;
  return seconds;
}

}  // namespace

absl::StatusOr<schema::BackgroundLoad> ReportOverlap(const std::vector<Interval>& busy,
                                                     const std::vector<Interval>& stored,
                                                     const std::vector<Interval>& passes,
                                                     int64_t products) {
  schema::BackgroundLoad result;
  result.set_inference_seconds(Length(passes));
  result.set_overlap_seconds(OverlapSeconds(busy, passes));
  result.set_products(products);
  if (result.overlap_seconds() <= 0 || products == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the background load did not run beside inference: ", products,
                     " products in ", result.inference_seconds(), " s of forward passes, ",
                     result.overlap_seconds(), " s of overlap"));
  }
  const double begin = passes.front().begin;
  for (const Interval& interval : stored) {
    schema::TimeInterval& kept = *result.add_intervals();
    kept.set_begin(interval.begin - begin);
    kept.set_end(interval.end - begin);
  }
  return result;
}

}  // namespace forensics::runner
