#include "analyzer/reading/run_reader.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "analyzer/reading/json_fields.h"

namespace forensics::analyzer {
namespace {

constexpr int64_t kLargestStep = int64_t{1} << 53;  // leaves room for sums with positions

// One element of "decode_steps"; its number may come after its signals.
struct StepRecord {
  std::optional<int64_t> number;
  Step step;
  std::map<SignalId, std::map<int, SharedVector>> vectors;  // by position
  std::map<int, LogProbs> log_probs;
  std::map<int, LogProbs> reference_log_probs;
};

// A vector and the text that it was read from.
struct SpelledVector {
  std::string text;
  SharedVector vector;
};

bool SameBits(const SharedVector& a, const SharedVector& b) {
  return a == b || (a->size() == b->size() &&
                    std::memcmp(a->data(), b->data(), a->size() * sizeof(float)) == 0);
}

class RunReader {
 public:
  RunReader(JsonCursor& cursor, std::vector<std::string>& findings)
      : cursor_(cursor), findings_(findings) {}

  absl::StatusOr<RunRecord> Read();

 private:
  absl::Status ReadMember(const std::string& key);
  absl::Status ReadStep();
  absl::Status ReadLayers(SignalKind kind, StepRecord& record);
  absl::Status ReadPositions(const SignalId& signal, std::map<int, SharedVector>& positions);
  absl::StatusOr<SharedVector> ReadVector(const SignalId& signal, int position);
  absl::Status ReadFloats(const SignalId& signal, std::vector<float>& values, std::string* text);
  absl::Status ReadLogProbs(std::map<int, LogProbs>& positions);
  void Keep(StepRecord record);
  SharedVector Shared(const SignalId& signal, const Timepoint& at, const SharedVector& vector);
  absl::Status SkipUnknown(const std::string& key);
  std::string Name() const;
  void ReportOddities();

  JsonCursor& cursor_;
  std::vector<std::string>& findings_;
  RunRecord run_;
  size_t elements_ = 0;  // of "decode_steps"
  // The vectors of each position of the sequence, by Timepoint::Computed: one, unless a window
  // repeats it with other bits.
  std::map<SignalId, std::map<int64_t, std::vector<SharedVector>>> seen_;
  std::map<SignalId, int> differing_repeats_;
  // Values, as often as they were parsed.
  std::map<SignalId, size_t> beyond_range_;
  std::map<SignalId, size_t> nulls_;
  // Two of three vectors are those of the step before, shifted by a position, in the same spelling:
  // they need not be parsed again.
  using SpelledVectors = std::map<std::pair<SignalId, int>, SpelledVector>;  // by position
  std::vector<float> values_;  // of the vector that is read, for its capacity
  SpelledVectors last_step_;
  SpelledVectors this_step_;
  std::map<std::string, int> unknown_keys_;
};

absl::StatusOr<RunRecord> RunReader::Read() {
  absl::Status status =
      cursor_.ReadObject([this](const std::string& key) { return ReadMember(key); });
  if (!status.ok()) return status;
  ReportOddities();
  return std::move(run_);
}

absl::Status RunReader::ReadMember(const std::string& key) {
  if (key == "config_id") return ReadField(cursor_, run_.config_id);
  if (key == "rep_id") {
    std::optional<int64_t> rep;
    absl::Status status = ReadField(cursor_, rep);
    run_.rep_id = rep.value_or(0);
    return status;
  }
  if (key == "runtime_seconds") return ReadField(cursor_, run_.runtime_seconds);
  if (key == "prompt_text") return ReadField(cursor_, run_.prompt_text);
  if (key == "signals_sha256") return ReadField(cursor_, run_.signals_sha256);
  if (key == "decode_steps") {
    return ReadArrayOrNull(cursor_, [this] { return ReadStep(); });
  }
  return cursor_.Skip();
}

absl::Status RunReader::ReadStep() {
  StepRecord record;
  const auto member = [&](const std::string& key) -> absl::Status {
    if (key == "step") return ReadField(cursor_, record.number);
    if (key == "token_id") return ReadField(cursor_, record.step.token_id);
    if (key == "token_text" && cursor_.Peek() == JsonCursor::Kind::kString) {
      return ReadField(cursor_, record.step.token_text);
    }
    if (key == "fed_token_id") return ReadField(cursor_, record.step.fed_token_id);
    if (key == "hidden_states") return ReadLayers(SignalKind::kHiddenStates, record);
    if (key == "key_vectors") return ReadLayers(SignalKind::kKeyVectors, record);
    if (key == "logprobs") return ReadLogProbs(record.log_probs);
    if (key == "reference_log_probs") return ReadLogProbs(record.reference_log_probs);
    return cursor_.Skip();
  };
  if (absl::Status status = ReadObjectOrNull(cursor_, member); !status.ok()) return status;
  if (!record.number.has_value()) record.number = static_cast<int64_t>(elements_);
  if (std::abs(*record.number) > kLargestStep) return cursor_.Error("a step number beyond 2^53");
  if (*record.number < 0) return cursor_.Error("a step number below 0");
  ++elements_;
  Keep(std::move(record));
  last_step_ = std::exchange(this_step_, {});
  return absl::OkStatus();
}

absl::Status RunReader::ReadLayers(SignalKind kind, StepRecord& record) {
  return ReadObjectOrNull(cursor_, [&](const std::string& key) {
    const std::optional<int> layer = NumberAfter("layer_", key);
    if (!layer.has_value() || *layer < 0) return SkipUnknown(key);
    const SignalId signal{kind, *layer};
    return ReadPositions(signal, record.vectors[signal]);
  });
}

absl::Status RunReader::ReadPositions(const SignalId& signal,
                                      std::map<int, SharedVector>& positions) {
  return ReadObjectOrNull(cursor_, [&](const std::string& key) -> absl::Status {
    const std::optional<int> position = NumberAfter("pos_", key);
    if (!position.has_value() || *position >= 0) return SkipUnknown(key);
    if (cursor_.Peek() == JsonCursor::Kind::kNull) return cursor_.Skip();
    absl::StatusOr<SharedVector> vector = ReadVector(signal, *position);
    if (vector.ok()) positions[*position] = *std::move(vector);
    return vector.status();
  });
}

absl::StatusOr<SharedVector> RunReader::ReadVector(const SignalId& signal, int position) {
  SpelledVector& read = this_step_[{signal, position}];
  const auto before = last_step_.find({signal, position + 1});
  if (before != last_step_.end() && cursor_.SkipFloatsSpelled(before->second.text)) {
    std::swap(read, before->second);
    return read.vector;
  }
  if (absl::Status status = ReadFloats(signal, values_, &read.text); !status.ok()) return status;
  read.vector = std::make_shared<const std::vector<float>>(values_);
  return read.vector;
}

absl::Status RunReader::ReadFloats(const SignalId& signal, std::vector<float>& values,
                                   std::string* text) {
  OddValues odd;
  absl::Status status = cursor_.ReadFloats(values, text, &odd);
  if (odd.beyond_range > 0) beyond_range_[signal] += odd.beyond_range;
  if (odd.nulls > 0) nulls_[signal] += odd.nulls;
  return status;
}

absl::Status RunReader::ReadLogProbs(std::map<int, LogProbs>& positions) {
  return ReadObjectOrNull(cursor_, [&](const std::string& key) {
    const std::optional<int> position = NumberAfter("pos_", key);
    if (!position.has_value() || *position >= 0) return SkipUnknown(key);
    LogProbs list;
    const auto member = [&](const std::string& name) {
      if (name == "token_ids") return ReadField(cursor_, list.token_ids);
      if (name == "log_probs" && cursor_.Peek() != JsonCursor::Kind::kNull) {
        return ReadFloats({SignalKind::kLogProbs, 0}, list.values, nullptr);
      }
      return cursor_.Skip();
    };
    absl::Status status = ReadObjectOrNull(cursor_, member);
    if (!list.token_ids.empty() || !list.values.empty()) positions[*position] = std::move(list);
    return status;
  });
}

void RunReader::Keep(StepRecord record) {
  const int64_t number = *record.number;
  if (!run_.steps.emplace(number, record.step).second) {
    findings_.push_back(absl::StrCat(Name(), ": step ", number, " comes twice; the first is used"));
    return;
  }
  for (auto& [signal, positions] : record.vectors) {
    for (auto& [position, vector] : positions) {
      if (vector->empty()) continue;
      const Timepoint at{number, position};
      run_.vectors[signal][at] = Shared(signal, at, vector);
    }
  }
  for (auto& [position, list] : record.log_probs) {
    run_.log_probs[Timepoint{number, position}] = std::move(list);
  }
  for (auto& [position, list] : record.reference_log_probs) {
    run_.reference_log_probs[Timepoint{number, position}] = std::move(list);
  }
}

SharedVector RunReader::Shared(const SignalId& signal, const Timepoint& at,
                               const SharedVector& vector) {
  std::vector<SharedVector>& seen = seen_[signal][at.Computed()];
  for (const SharedVector& known : seen) {
    if (SameBits(known, vector)) return known;
  }
  if (!seen.empty()) ++differing_repeats_[signal];
  seen.push_back(vector);
  return vector;
}

absl::Status RunReader::SkipUnknown(const std::string& key) {
  ++unknown_keys_[key];
  return cursor_.Skip();
}

std::string RunReader::Name() const {
  return absl::StrCat(run_.config_id.empty() ? "a run" : run_.config_id, " rep ", run_.rep_id);
}

void RunReader::ReportOddities() {
  for (const auto& [signal, count] : differing_repeats_) {
    findings_.push_back(absl::StrFormat(
        "%s: %s: %d repeated positions differ from the same position in another step", Name(),
        SignalName(signal), count));
  }
  for (const auto& [signal, count] : beyond_range_) {
    findings_.push_back(
        absl::StrFormat("%s: %s: %d numbers beyond float32's range are taken for infinity", Name(),
                        SignalName(signal), count));
  }
  for (const auto& [signal, count] : nulls_) {
    findings_.push_back(absl::StrFormat("%s: %s: %d values are null and taken for NaN", Name(),
                                        SignalName(signal), count));
  }
  for (const auto& [key, count] : unknown_keys_) {
    findings_.push_back(absl::StrFormat("%s: unknown key '%s' passed over %d times", Name(),
                                        absl::CHexEscape(key), count));
  }
}

}  // namespace

absl::StatusOr<RunRecord> ReadRun(JsonCursor& cursor, std::vector<std::string>& findings) {
  return RunReader(cursor, findings).Read();
}

}  // namespace forensics::analyzer
