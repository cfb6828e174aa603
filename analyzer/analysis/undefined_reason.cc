#include "analyzer/analysis/undefined_reason.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace forensics::analyzer {

std::string WhyNoDistance(const ExperimentReport& report,
                          const std::vector<const ConfigurationPair*>& pairs) {
  int64_t not_stored = 0, other_prompts = 0, no_steps = 0;
  LeftOut left_out;
  for (const ConfigurationPair* pair : pairs) {
    not_stored += !pair->comparison.has_value();
    if (!pair->comparison.has_value()) continue;
    const Contexts& contexts = pair->comparison->contexts;
    other_prompts += !contexts.same_prompt;
    no_steps += contexts.same_prompt && contexts.comparable_steps.empty();
    const LeftOut& here = pair->comparison->signals.at(report.headline).left_out;
    left_out.missing += here.missing;
    left_out.unequal_length += here.unequal_length;
    left_out.not_finite += here.not_finite;
  }
  const std::pair<int64_t, const char*> causes[] = {
      {not_stored, "pairs lack a repetition with signals"},
      {other_prompts, "pairs had other prompts"},
      {no_steps, "pairs have no step in the same context"},
      {left_out.missing, "vectors are stored by one run alone"},
      {left_out.unequal_length, "vectors have other lengths"},
      {left_out.not_finite, "vectors have a NaN or an infinity"}};
  std::vector<std::string> named;
  for (const auto& [count, cause] : causes) {
    if (count > 0) named.push_back(absl::StrCat(count, " ", cause));
  }
  return named.empty()
             ? absl::StrCat("no run stores ", SignalName(report.headline))
             : absl::StrCat("of ", SignalName(report.headline), ": ", absl::StrJoin(named, ", "));
}

std::optional<UndefinedReason> FindUndefinedReason(const ExperimentReport& report) {
  const SummaryRow& row = report.summary;
  if (row.by_mean.detectability != Detectability::kUndefined) return std::nullopt;
  if (report.PairsWithin().empty()) {
    return UndefinedReason{"no_variant",
                           "the file has no variant to compare with the baseline value"};
  }
  if (row.signal_l2.n == 0) {
    return UndefinedReason{"no_distance",
                           absl::StrCat("no variant has a distance (",
                                        WhyNoDistance(report, report.PairsWithin()), ")")};
  }
  if (const auto across = report.PairsAcross(); !across.empty()) {
    return UndefinedReason{"no_noise",
                           absl::StrCat("no distance between hardware of the same value (",
                                        WhyNoDistance(report, across), ")")};
  }
  return UndefinedReason{
      "no_second_hardware",
      "no second hardware with the same value in the file, so no baseline L2; run exp0 "
      "on another machine with --reference=RUN (this machine's) and fuse both results"};
}

}  // namespace forensics::analyzer
