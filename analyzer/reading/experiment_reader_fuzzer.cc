// Any bytes are refused with file, byte and path, or are an experiment, the same one each time; and
// `inspect` calls nothing sound that cannot be analysed.
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "analyzer/reading/experiment_reader.h"
#include "schema/inspect_experiment.h"
#include "tools/fuzzing/fuzz_input.h"

namespace {

using forensics::analyzer::Experiment;
using forensics::fuzzing::Expect;
using forensics::fuzzing::InputFile;

// What two readings of a file must agree in, bit for bit.
std::string Summary(const absl::StatusOr<Experiment>& experiment) {
  if (!experiment.ok()) return experiment.status().ToString();
  std::string text = absl::StrJoin(experiment->findings, "\n");
  for (const auto& run : experiment->runs) {
    absl::StrAppend(&text, "\n", run.config_id, " ", run.rep_id, " ", run.steps.size());
    for (const auto& [signal, vectors] : run.vectors) {
      for (const auto& [at, vector] : vectors) {
        absl::StrAppend(&text, "\n", SignalName(signal), " ", at.step, " ", at.position, " ");
        text.append(reinterpret_cast<const char*>(vector->data()), vector->size() * sizeof(float));
      }
    }
  }
  return text;
}

void CheckError(absl::string_view message, const std::string& path, size_t size) {
  Expect(absl::StartsWith(message, path + ": "), "an error names the file", message);
  const int64_t offset = forensics::fuzzing::OffsetBehind(path + ": byte ", message);
  Expect(offset <= static_cast<int64_t>(size), "an error's byte is one of the file", message);
  Expect(absl::StrContains(message, ": at /") || (offset >= 0 && absl::StrContains(message, "/")),
         "an error says the JSON path", message);
}

// JSON's integers have no bounds, the analyzer's have.
bool IsOfRange(absl::string_view error) {
  for (const char* cause : {"a step number", "beyond 32 bits", "expected a whole number"}) {
    if (absl::StrContains(error, cause)) return true;
  }
  return false;
}

void CheckInspection(const absl::StatusOr<Experiment>& experiment, const std::string& path) {
  const absl::StatusOr<std::string> inspected = forensics::schema::InspectExperiment(path);
  if (!inspected.ok()) return;
  Expect(experiment.ok() || IsOfRange(experiment.status().message()),
         "what inspect calls sound can be analysed", experiment.status().message());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const InputFile file({reinterpret_cast<const char*>(data), size});
  const absl::StatusOr<Experiment> experiment = forensics::analyzer::ReadExperiment(file.path());
  Expect(Summary(experiment) == Summary(forensics::analyzer::ReadExperiment(file.path())),
         "a file is read the same each time");
  if (!experiment.ok()) CheckError(experiment.status().message(), file.path(), size);
  CheckInspection(experiment, file.path());
  return 0;
}
