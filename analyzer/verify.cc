#include "analyzer/verify.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "analyzer/reading/experiment_reader.h"
#include "analyzer/reading/structure_budget.h"
#include "analyzer/report/report_writer.h"

namespace forensics::analyzer {
namespace {

std::string Name(const Configuration& configuration) {
  return absl::StrCat(configuration.config_id, " (", configuration.hardware, ")");
}

std::string Table(const VerifiedExperiment& verified) {
  std::string text;
  for (const Verification& v : verified.verifications) {
    absl::StrAppend(&text, Name(*v.claimed), " recomputed as ", Name(*v.recomputed), ": ",
                    absl::AsciiStrToUpper(VerdictName(v.verdict)), "\n");
    if (v.vectors > 0) {
      absl::StrAppend(&text, "  ", v.claimed_repetitions, " claimed repetitions; ", v.values,
                      " values of ", v.vectors, " vectors compared, ", v.parted_vectors,
                      " vectors parted\n");
    }
    if (!v.reason.empty()) {
      const char* const label = v.verdict == Verdict::kParted ? "first at " : "";
      absl::StrAppend(&text, "  ", label, v.reason, "\n");
    }
    for (const std::string& contradiction : v.contradictions) {
      absl::StrAppend(&text, "  another ", contradiction, "\n");
    }
  }
  for (const std::string& missing : verified.not_recomputed) {
    absl::StrAppend(&text, missing, "\n");
  }
  return text;
}

void WriteConfiguration(ReportWriter& writer, const char* key, const Configuration& configuration) {
  writer.StartObject(key);
  writer.Field("config_id", configuration.config_id);
  writer.Field("hardware", configuration.hardware);
  writer.EndObject();
}

std::string Json(const VerifiedExperiment& verified) {
  ReportWriter writer;
  writer.StartObject();
  writer.StartArray("verifications");
  for (const Verification& v : verified.verifications) {
    writer.StartObject();
    WriteConfiguration(writer, "claimed", *v.claimed);
    WriteConfiguration(writer, "recomputed", *v.recomputed);
    writer.Field("verdict", VerdictName(v.verdict));
    writer.Field("reason", v.reason);
    writer.Field("contradictions", v.contradictions);
    writer.Field("claimed_repetitions", v.claimed_repetitions);
    writer.Field("values", v.values);
    writer.Field("vectors", v.vectors);
    writer.Field("parted_vectors", v.parted_vectors);
    writer.EndObject();
  }
  writer.EndArray();
  writer.Field("not_recomputed", verified.not_recomputed);
  writer.EndObject();
  return writer.Text();
}

VerifyOutcome OutcomeOf(const VerifiedExperiment& verified) {
  VerifyOutcome outcome;
  outcome.complete = verified.not_recomputed.empty();
  for (const Verification& v : verified.verifications) {
    outcome.any_parted |= v.verdict == Verdict::kParted;
    outcome.complete &= v.verdict != Verdict::kNotComparable;
  }
  return outcome;
}

}  // namespace

absl::StatusOr<VerifyOutcome> VerifyFiles(const VerifyOptions& options, std::ostream& out) {
  const auto budget = std::make_shared<StructureBudget>();  // both are in memory together
  const absl::StatusOr<Experiment> claimed = ReadExperiment(options.claimed, {0, budget});
  if (!claimed.ok()) return claimed.status();
  const absl::StatusOr<Experiment> recomputed = ReadExperiment(options.recomputed, {0, budget});
  if (!recomputed.ok()) return recomputed.status();
  if (claimed->configurations.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(options.claimed,
                                                   ": claims nothing: it has no "
                                                   "configuration"));
  }
  if (claimed->variable != recomputed->variable) {
    return absl::InvalidArgumentError(absl::StrCat(options.recomputed, ": tests ",
                                                   recomputed->variable, ", the claim in ",
                                                   options.claimed, " tests ", claimed->variable));
  }
  const VerifiedExperiment verified = VerifyExperiment(*claimed, *recomputed, options.choice);
  out << (options.format == VerifyFormat::kJson ? Json(verified) : Table(verified));
  if (!out.flush()) {
    return absl::DataLossError("the verdict could not be written to the standard output");
  }
  return OutcomeOf(verified);
}

}  // namespace forensics::analyzer
