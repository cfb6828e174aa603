#include "analyzer/verify.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "analyzer/reading/experiment_reader.h"
#include "analyzer/reading/structure_budget.h"
#include "analyzer/report/report_writer.h"
#include "analyzer/report/table.h"

namespace forensics::analyzer {
namespace {

constexpr char kOneFile[] = "the claim and the recomputation are one file: nothing was recomputed";

// Each configuration would be held against itself. Two named ones of a file may well be a claim and
// its recomputation.
bool IsItself(const VerifyOptions& options) {
  std::error_code ignored;
  return options.choice.claimed_config == options.choice.recomputed_config &&
         std::filesystem::equivalent(options.claimed, options.recomputed, ignored);
}

std::string Name(const Configuration& configuration) {
  return absl::StrCat(configuration.config_id, " (", configuration.hardware, ")");
}

void AppendLines(const char* label, const std::vector<std::string>& lines, std::string& text) {
  for (const std::string& line : lines) absl::StrAppend(&text, "  ", label, line, "\n");
}

std::string VerdictTable(const VerifiedExperiment& verified, bool is_one_file) {
  std::string text;
  if (is_one_file) absl::StrAppend(&text, kOneFile, "\n");
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
    AppendLines("contradiction: ", v.statements.contradictions, text);
    AppendLines("not checked: ", v.statements.unchecked, text);
    AppendLines("note: ", v.notes, text);
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

std::string Json(const VerifiedExperiment& verified, bool is_one_file) {
  ReportWriter writer;
  writer.StartObject();
  writer.Field("note", is_one_file ? kOneFile : "");
  writer.StartArray("verifications");
  for (const Verification& v : verified.verifications) {
    writer.StartObject();
    WriteConfiguration(writer, "claimed", *v.claimed);
    WriteConfiguration(writer, "recomputed", *v.recomputed);
    writer.Field("verdict", VerdictName(v.verdict));
    writer.Field("reason", v.reason);
    writer.Field("contradictions", v.statements.contradictions);
    writer.Field("not_checked", v.statements.unchecked);
    writer.Field("notes", v.notes);
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
    outcome.any_contradicted |= v.verdict == Verdict::kContradicted;
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
  const bool is_one_file = IsItself(options);
  out << (options.format == VerifyFormat::kJson
              ? Json(verified, is_one_file)
              : PrintableLines(VerdictTable(verified, is_one_file)));
  if (!out.flush()) {
    return absl::DataLossError("the verdict could not be written to the standard output");
  }
  VerifyOutcome outcome = OutcomeOf(verified);
  outcome.complete &= !is_one_file;
  return outcome;
}

}  // namespace forensics::analyzer
