#include "schema/inspect_shard.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "schema/inspect_table.h"
#include "schema/shard.h"

namespace forensics::schema {
namespace {

constexpr size_t kFirstValues = 4;
constexpr size_t kDigestPrefix = 8;

std::string Short(float value) { return absl::StrFormat("%.6g", value); }

// One row of a position's table.
std::vector<std::string> SignalRow(const std::string& layer, const std::string& signal,
                                   const Values& values) {
  const absl::StatusOr<std::vector<float>> floats = ToFloats(values);
  if (!floats.ok()) return {layer, signal, std::string(floats.status().message())};
  float smallest = std::numeric_limits<float>::infinity();
  float largest = -smallest;
  double squares = 0;
  size_t not_finite = 0;
  for (const float value : *floats) {
    if (!std::isfinite(value)) {
      ++not_finite;
      continue;
    }
    smallest = std::min(smallest, value);
    largest = std::max(largest, value);
    squares += static_cast<double>(value) * value;
  }
  std::vector<std::string> first;
  for (size_t i = 0; i < std::min(kFirstValues, floats->size()); ++i) {
    first.push_back(Short((*floats)[i]));
  }
  const bool any = floats->size() > not_finite;
  return {layer,
          signal,
          absl::AsciiStrToLower(DType_Name(values.dtype())),
          absl::StrCat(floats->size()),
          absl::BytesToHexString(values.sha256()).substr(0, kDigestPrefix),
          any ? Short(smallest) : "-",
          any ? Short(largest) : "-",
          Short(static_cast<float>(std::sqrt(squares))),
          absl::StrCat(not_finite),
          absl::StrCat(absl::StrJoin(first, " "), floats->size() > first.size() ? " ..." : "")};
}

std::string LogProbsLine(const std::string& name, const LogProbs& log_probs) {
  const absl::StatusOr<std::vector<float>> values = ToFloats(log_probs.log_probs());
  std::vector<std::string> entries;
  for (size_t i = 0; values.ok() && i < values->size(); ++i) {
    entries.push_back(
        absl::StrCat(log_probs.token_ids(static_cast<int>(i)), ":", Short((*values)[i])));
  }
  return absl::StrCat("    ", name, "  ", absl::StrJoin(entries, "  "), "\n");
}

std::string PositionText(const PositionRecord& position) {
  std::string text = absl::StrCat("  position ", position.position(), ", computed at step ",
                                  position.computed_at_step(), "\n");
  std::vector<std::vector<std::string>> rows = {{"layer", "signal", "dtype", "count", "sha256",
                                                 "min", "max", "norm", "not finite", "values"}};
  for (const LayerSignals& layer : position.layers()) {
    const std::string number = absl::StrCat(layer.layer());
    rows.push_back(SignalRow(number, "hidden_state", layer.hidden_state()));
    rows.push_back(SignalRow(number, "key", layer.key()));
  }
  absl::StrAppend(&text, FormatTable(rows, "    "),
                  LogProbsLine("log-probs", position.top_log_probs()));
  if (position.has_reference_log_probs()) {
    absl::StrAppend(&text, LogProbsLine("reference log-probs", position.reference_log_probs()));
  }
  return text;
}

std::string StepsText(const std::vector<StepRecord>& steps) {
  std::vector<std::vector<std::string>> rows = {{"step", "token", "fed", "seconds", "text"}};
  for (const StepRecord& step : steps) {
    rows.push_back({absl::StrCat(step.step()), absl::StrCat(step.token_id()),
                    absl::StrCat(step.fed_token_id()), absl::StrFormat("%.6f", step.seconds()),
                    OneLine(step.token_text(), 40)});
  }
  return FormatTable(rows, "  ");
}

}  // namespace

absl::StatusOr<std::string> InspectShard(const std::string& path) {
  const absl::StatusOr<Repetition> repetition = ReadShard(path);
  if (!repetition.ok()) return repetition.status();
  const ShardHeader& header = repetition->header;
  const ShardFooter& footer = repetition->footer;
  std::string text = absl::StrCat("shard ", path, ": sound\n");
  absl::StrAppend(&text, "  ", header.config_id(), ", repetition ", header.repetition(), ", rank ",
                  header.rank(), " of ", header.world_size(), ", started ", header.started(),
                  " UTC\n");
  absl::StrAppendFormat(&text, "  %.3f s: prefill %.3f s, decode %.3f s\n",
                        footer.runtime_seconds(), footer.prefill_seconds(),
                        footer.decode_seconds());
  absl::StrAppend(&text, "  work digest     ", header.work_digest(), "\n  signals sha256  ",
                  footer.signals_sha256(), "\n\nsteps\n", StepsText(repetition->steps),
                  "\npositions\n");
  for (const PositionRecord& position : repetition->positions) {
    absl::StrAppend(&text, PositionText(position));
  }
  return text;
}

}  // namespace forensics::schema
