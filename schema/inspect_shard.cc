#include "schema/inspect_shard.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "schema/inspect_table.h"
#include "schema/shard.h"
#include "schema/stored_repetition.h"

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
    const int entry = static_cast<int>(i);
    const std::string slot =
        log_probs.slots().empty() ? "" : absl::StrCat("[", log_probs.slots(entry), "]");
    entries.push_back(absl::StrCat(slot, log_probs.token_ids(entry), ":", Short((*values)[i])));
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

std::string PartText(const SignalPart& part) {
  return absl::StrCat("  part: key elements [", part.key_begin(), ", ", part.key_end(),
                      "), token ids [", part.vocab_begin(), ", ", part.vocab_end(),
                      "); [slot] of log-probs\n");
}

std::string HeaderText(const ShardHeader& header, const std::string& rank) {
  return absl::StrCat("  ", header.config_id(), ", repetition ", header.repetition(), ", ", rank,
                      " of ", header.world_size(), ", started ", header.started(), " UTC\n",
                      header.has_part() ? PartText(header.part()) : "");
}

std::string KernelsText(const ShardFooter& footer) {
  if (footer.kernels().empty()) return "";
  std::vector<std::vector<std::string>> rows = {
      {"phase", "kernel", "operands", "calls", "min rows", "max rows"}};
  for (const KernelUse& use : footer.kernels()) {
    rows.push_back({use.phase(), use.kernel(), use.operands(), absl::StrCat(use.calls()),
                    absl::StrCat(use.min_rows()), absl::StrCat(use.max_rows())});
  }
  return absl::StrCat("\nkernels\n", FormatTable(rows, "  "));
}

std::string LoadText(const BackgroundLoad& load) {
  return absl::StrFormat(
      "\nbackground load\n"
      "  %s, %d workers, %d products\n"
      "  utilisation %.3f, target %.3f\n"
      "  ran in %.3f of %.3f s of inference, %d intervals\n",
      load.kernel(), load.workers(), load.products(), load.utilisation(), load.target_utilisation(),
      load.overlap_seconds(), load.inference_seconds(), load.intervals_size());
}

// Sorted by name.
std::string MachineText(const ShardFooter& footer) {
  if (footer.machine_facts().empty()) return "";
  const std::map<std::string, std::string> sorted(footer.machine_facts().begin(),
                                                  footer.machine_facts().end());
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : sorted) rows.push_back({name, value});
  return absl::StrCat("\nmachine, after the last token\n", FormatTable(rows, "  "));
}

std::string RepetitionText(const Repetition& repetition) {
  const ShardFooter& footer = repetition.footer;
  std::string text =
      absl::StrFormat("  %.3f s: prefill %.3f s, decode %.3f s\n", footer.runtime_seconds(),
                      footer.prefill_seconds(), footer.decode_seconds());
  absl::StrAppend(&text, "  work digest     ", repetition.header.work_digest(),
                  "\n  signals sha256  ", footer.signals_sha256(), "\n\nsteps\n",
                  StepsText(repetition.steps), "\npositions\n");
  for (const PositionRecord& position : repetition.positions) {
    absl::StrAppend(&text, PositionText(position));
  }
  absl::StrAppend(&text, KernelsText(footer));
  if (footer.has_background_load()) absl::StrAppend(&text, LoadText(footer.background_load()));
  absl::StrAppend(&text, MachineText(footer));
  return text;
}

}  // namespace

absl::StatusOr<std::string> InspectShard(const std::string& path) {
  const absl::StatusOr<Repetition> shard = ReadShard(path);
  if (!shard.ok()) return shard.status();
  const std::string rank = absl::StrCat("rank ", shard->header.rank());
  return absl::StrCat("shard ", path, ": sound\n", HeaderText(shard->header, rank),
                      RepetitionText(*shard));
}

absl::StatusOr<std::string> InspectAllRanks(const RunDirectory& run, const AllRanksName& name) {
  const absl::StatusOr<Repetition> first =
      ReadShard(run.ShardPath(name.repetition, /*rank=*/0, name.world_size));
  if (!first.ok()) return first.status();
  const absl::StatusOr<Repetition> joined = ReadRepetition(run, first->header);
  if (!joined.ok()) return joined.status();
  return absl::StrCat("shards ", run.AllRanksPath(name.repetition, name.world_size),
                      ": sound, joined\n", HeaderText(joined->header, "all ranks"),
                      RepetitionText(*joined));
}

}  // namespace forensics::schema
