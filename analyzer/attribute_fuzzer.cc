// Whatever can be read can be attributed and written, in each format, and what is stated are
// probabilities. A line of the input is a file: the first the unknown, the others the library's.
// Half of the inputs are made by a change of one part in one file (ChangeJson).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <deque>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "analyzer/attribute.h"
#include "tools/fuzzing/change_json.h"
#include "tools/fuzzing/fuzz_input.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using forensics::analyzer::Answer;
using forensics::analyzer::AttributeOptions;
using forensics::analyzer::AttributeOutcome;
using forensics::analyzer::Attribution;
using forensics::analyzer::AttributionReport;
using forensics::analyzer::Candidate;
using forensics::analyzer::ConfusionMatrix;
using forensics::analyzer::Outcome;
using forensics::analyzer::RankedConfiguration;
using forensics::fuzzing::ChangeJson;
using forensics::fuzzing::Expect;
using forensics::fuzzing::ExpectJson;
using forensics::fuzzing::InputFile;

constexpr size_t kMostFiles = 6;

std::vector<std::string> FilesIn(const uint8_t* data, size_t size) {
  return absl::StrSplit(absl::string_view(reinterpret_cast<const char*>(data), size), '\n');
}

bool IsProbability(double value) { return value >= 0 && value <= 1; }

void ExpectProbabilities(const Answer& answer) {
  double sum = answer.none_of_these.value_or(0);
  Expect(IsProbability(sum), "none of these has a probability");
  for (const Candidate& candidate : answer.candidates) {
    Expect(candidate.p_value.value_or(1) > 0 && candidate.p_value.value_or(1) <= 1,
           "p > 0 and p <= 1");
    Expect(candidate.p_value.has_value() == candidate.distance.has_value(), "p is of a distance");
    Expect(candidate.distance.value_or(0) >= 0, "a distance is a number, and not negative");
    if (!candidate.probability.has_value()) continue;
    Expect(answer.none_of_these.has_value(), "either all have a probability, or none");
    Expect(IsProbability(*candidate.probability), "a candidate has a probability");
    sum += *candidate.probability;
  }
  if (answer.none_of_these.has_value()) Expect(std::abs(sum - 1) < 1e-9, "they add up to 1");
  Expect(IsProbability(answer.confidence().value_or(0)), "a confidence is a probability");
}

void ExpectOrder(const Attribution& attribution) {
  double before = 0;
  for (const RankedConfiguration& entry : attribution.ranked) {
    const double distance = entry.distance.value_or(std::numeric_limits<double>::infinity());
    Expect(distance >= before, "the nearest is first");
    Expect(!entry.observation.distance.identical() || distance == 0,
           "the same bits have distance 0");
    before = distance;
  }
  const bool is_identical =
      !attribution.ranked.empty() && attribution.ranked.front().observation.distance.identical();
  Expect((attribution.outcome == Outcome::kIdentical) == is_identical, "the same bits decide");
}

void ExpectCounts(const ConfusionMatrix& confusion) {
  int64_t asked = 0;
  for (const std::vector<int64_t>& row : confusion.matrix) {
    for (const int64_t answers : row) asked += answers;
  }
  Expect(asked == confusion.present_rate.asked, "each answer is in the matrix");
  Expect(IsProbability(confusion.mean_confidence().value_or(0)), "a confidence is a probability");
}

void WriteAll(const AttributionReport& report) {
  ExpectJson(AttributionJson(report));
  AttributionTable(report);
  AttributionCsv(report);
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  if (seed % 2 == 1) return LLVMFuzzerMutate(data, size, max_size);
  std::vector<std::string> files = FilesIn(data, size);
  std::string& file = files[seed / 2 % files.size()];
  const std::optional<std::string> changed = ChangeJson(file, seed);
  if (!changed.has_value()) return LLVMFuzzerMutate(data, size, max_size);
  file = *changed;
  const std::string text = absl::StrJoin(files, "\n");
  if (text.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, text.data(), text.size());
  return text.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<std::string> texts = FilesIn(data, size);
  if (texts.size() > kMostFiles) return 0;
  std::deque<InputFile> files;
  AttributeOptions options;
  for (const std::string& text : texts) {
    const std::string& path = files.emplace_back(text).path();
    (files.size() == 1 ? options.unknown : options.library.emplace_back()) = path;
  }
  std::ostringstream log;
  const absl::StatusOr<AttributeOutcome> outcome = AttributeFiles(options, log);
  if (!outcome.ok()) return 0;
  for (const Attribution& attribution : outcome->report.attributions) {
    ExpectProbabilities(attribution.value);
    ExpectProbabilities(attribution.hardware);
    ExpectOrder(attribution);
  }
  ExpectCounts(outcome->report.leave_one_out.by_value);
  ExpectCounts(outcome->report.leave_one_out.by_hardware);
  WriteAll(outcome->report);
  return 0;
}
