#include "analyzer/attribute.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "analyzer/attribution/contradictions.h"
#include "analyzer/attribution/library.h"
#include "analyzer/experiment_files.h"
#include "analyzer/reading/experiment_reader.h"
#include "analyzer/reading/structure_budget.h"
#include "analyzer/report/table.h"
#include "schema/atomic_file.h"
#include "schema/file_identity.h"
#include "schema/run_directory.h"

namespace forensics::analyzer {
namespace {

namespace fs = std::filesystem;

// One spelling a file: an unknown is never compared with itself.
std::string Canonical(const std::string& path) {
  std::error_code error;
  const fs::path canonical = fs::canonical(path, error);
  return error ? path : canonical.string();
}

// Empty: none.
std::string OutputFile(const AttributeOptions& options) {
  if (options.output.empty()) return "";
  return (fs::path(options.output) / schema::kAttributionFile).string();
}

// Reads a file within the budget that all files of a command share; where the files before it leave
// too little, they are let go.
absl::StatusOr<Experiment> ReadBeside(Library& library, const std::string& file,
                                      const std::shared_ptr<StructureBudget>& budget) {
  absl::StatusOr<Experiment> experiment = ReadExperiment(file, {0, budget});
  if (!absl::IsResourceExhausted(experiment.status()) || !library.LetGo()) return experiment;
  return ReadExperiment(file, {0, budget});
}

std::string Text(AttributionFormat format, const AttributionReport& report) {
  switch (format) {
    case AttributionFormat::kTable:
      return PrintableLines(AttributionTable(report));
    case AttributionFormat::kJson:
      return AttributionJson(report);
    case AttributionFormat::kCsv:
      return AttributionCsv(report);
  }
  return "";
}

}  // namespace

bool AttributeOutcome::complete() const {
  return failed.empty() && std::all_of(report.attributions.begin(), report.attributions.end(),
                                       [](const Attribution& attribution) {
                                         return attribution.outcome != Outcome::kNotComparable;
                                       });
}

absl::StatusOr<AttributeOutcome> AttributeFiles(const AttributeOptions& options,
                                                std::ostream& log) {
  const auto budget = std::make_shared<StructureBudget>();
  absl::StatusOr<std::vector<UnknownRun>> unknowns =
      ReadUnknownRuns(Canonical(options.unknown), options.config_id, budget);
  if (!unknowns.ok()) return unknowns.status();
  const ExperimentFiles found = FindExperimentFiles(options.library);
  std::vector<std::string> inputs = found.files;
  inputs.push_back(options.unknown);
  if (absl::Status status =
          schema::CheckOutputsAreDistinct({{"--output", OutputFile(options)}}, inputs);
      !status.ok()) {
    return status;
  }
  AttributeOutcome outcome;
  outcome.failed = found.missing;
  AttributionReport& report = outcome.report;
  Library library(*std::move(unknowns), Library::kMostBytes, budget);
  for (const std::string& note : found.notes) log << note << "\n";
  for (const std::string& named : found.files) {
    const std::string file = Canonical(named);
    absl::StatusOr<Experiment> experiment = ReadBeside(library, file, budget);
    if (!experiment.ok()) {
      outcome.failed.emplace_back(experiment.status().message());
      continue;
    }
    library.Add(*std::move(experiment));
    report.library_files.push_back(file);
  }
  for (const std::string& failure : outcome.failed) log << failure << "\n";
  if (report.library_files.empty()) {
    return absl::NotFoundError(absl::StrCat("no experiment file could be read in the library ",
                                            absl::StrJoin(options.library, ", "),
                                            "; the collector writes them (--help has examples)"));
  }
  for (size_t unknown = 0; unknown < library.unknowns().size(); ++unknown) {
    report.attributions.push_back(AttributeRun(library, unknown));
  }
  report.incomplete = library.incomplete();
  report.contradictions = Contradictions(library);
  report.leave_one_out = LeaveEachOut(library);
  return outcome;
}

absl::StatusOr<AttributeOutcome> AttributeUnknown(const AttributeOptions& options,
                                                  std::ostream& out, std::ostream& log) {
  absl::StatusOr<AttributeOutcome> outcome = AttributeFiles(options, log);
  if (!outcome.ok()) return outcome.status();
  if (const std::string file = OutputFile(options); !file.empty()) {
    absl::Status status = schema::WriteFileAtomically(file, AttributionJson(outcome->report));
    if (!status.ok()) return status;
  }
  out << Text(options.format, outcome->report);
  if (!out.flush()) {
    return absl::DataLossError("the attribution could not be written to the standard output");
  }
  return outcome;
}

}  // namespace forensics::analyzer
