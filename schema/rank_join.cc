#include "schema/rank_join.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "schema/rank_signals.h"

namespace forensics::schema {
namespace {

using Ranks = std::vector<Repetition>;

absl::Status Contradiction(const std::string& message) { return absl::DataLossError(message); }

template <typename Value>
absl::Status CheckSame(const std::string& what, size_t rank, const Value& found,
                       const Value& of_first) {
  if (found == of_first) return absl::OkStatus();
  return Contradiction(
      absl::StrCat(what, " is ", found, " on rank ", rank, ", ", of_first, " on rank 0"));
}

absl::Status CheckHeader(size_t rank, size_t world_size, const ShardHeader& header,
                         const ShardHeader& first) {
  const auto check_number = [rank](const char* what, int64_t found, int64_t expected) {
    if (found == expected) return absl::OkStatus();
    return Contradiction(
        absl::StrCat("shard of rank ", rank, ": ", what, " is ", found, ", expected ", expected));
  };
  absl::Status status = check_number("rank", header.rank(), static_cast<int64_t>(rank));
  status.Update(check_number("world_size", header.world_size(), static_cast<int64_t>(world_size)));
  status.Update(check_number("repetition", header.repetition(), first.repetition()));
  status.Update(CheckSame("config_id", rank, header.config_id(), first.config_id()));
  status.Update(CheckSame("work_digest", rank, header.work_digest(), first.work_digest()));
  if (status.ok() && header.has_part() != first.has_part()) {
    status = Contradiction(absl::StrCat("rank ", header.has_part() ? 0 : rank,
                                        " holds everything, rank ", header.has_part() ? rank : 0,
                                        " a part"));
  }
  return status;
}

absl::Status CheckSteps(size_t rank, const Repetition& repetition, const Repetition& first) {
  absl::Status status =
      CheckSame("number of steps", rank, repetition.steps.size(), first.steps.size());
  for (size_t i = 0; status.ok() && i < first.steps.size(); ++i) {
    const StepRecord &step = repetition.steps[i], &of_first = first.steps[i];
    const std::string where = absl::StrCat("step ", i, ": ");
    status.Update(CheckSame(where + "token_id", rank, step.token_id(), of_first.token_id()));
    status.Update(
        CheckSame(where + "fed_token_id", rank, step.fed_token_id(), of_first.fed_token_id()));
    status.Update(CheckSame(where + "token_text", rank, step.token_text(), of_first.token_text()));
  }
  return status;
}

absl::Status CheckPosition(size_t rank, const PositionRecord& position,
                           const PositionRecord& of_first) {
  const std::string where = absl::StrCat("position ", of_first.position(), ": ");
  absl::Status status =
      CheckSame(where + "position", rank, position.position(), of_first.position());
  status.Update(CheckSame(where + "computed_at_step", rank, position.computed_at_step(),
                          of_first.computed_at_step()));
  status.Update(
      CheckSame(where + "number of layers", rank, position.layers_size(), of_first.layers_size()));
  status.Update(CheckSame(where + "has_reference_log_probs", rank,
                          position.has_reference_log_probs(), of_first.has_reference_log_probs()));
  for (int i = 0; status.ok() && i < of_first.layers_size(); ++i) {
    status = CheckSame(absl::StrCat(where, "layer number ", i), rank, position.layers(i).layer(),
                       of_first.layers(i).layer());
  }
  return status;
}

absl::Status CheckStructure(size_t rank, const Repetition& repetition, const Repetition& first) {
  absl::Status status =
      CheckSame("number of positions", rank, repetition.positions.size(), first.positions.size());
  for (size_t i = 0; status.ok() && i < first.positions.size(); ++i) {
    status = CheckPosition(rank, repetition.positions[i], first.positions[i]);
  }
  return status;
}

absl::Status CheckComparable(const Ranks& ranks) {
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    absl::Status status = CheckHeader(rank, ranks.size(), ranks[rank].header, ranks.front().header);
    if (status.ok()) status = CheckSteps(rank, ranks[rank], ranks.front());
    if (status.ok()) status = CheckStructure(rank, ranks[rank], ranks.front());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

std::pair<int64_t, int64_t> KeyRange(const SignalPart& part) {
  return {part.key_begin(), part.key_end()};
}

std::pair<int64_t, int64_t> VocabularyRange(const SignalPart& part) {
  return {part.vocab_begin(), part.vocab_end()};
}

// The slices by their ranges, which must follow one another from 0. Shards without `part` are one
// slice, whose range is not known: [0, 0).
template <typename RangeOf>
absl::StatusOr<std::vector<Slice>> Slices(const Ranks& ranks, const std::string& what,
                                          const RangeOf& range_of) {
  std::map<std::pair<int64_t, int64_t>, std::vector<size_t>> by_range;
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    by_range[range_of(ranks[rank].header.part())].push_back(rank);
  }
  std::vector<Slice> slices;
  int64_t covered = 0;
  for (auto& [range, holders] : by_range) {
    const auto [begin, end] = range;
    const bool is_part = ranks.front().header.has_part();
    if (is_part && (begin != covered || end <= begin)) {
      return Contradiction(absl::StrCat("rank ", holders.front(), " holds ", what, " [", begin,
                                        ", ", end, "), expected a part that begins at ", covered));
    }
    covered = end;
    slices.push_back({begin, end, std::move(holders)});
  }
  return slices;
}

// What `select` picks from each rank's record of the position.
template <typename Select>
auto OfRanks(const Ranks& ranks, size_t index, const Select& select) {
  std::vector<decltype(select(ranks.front().positions[index]))> picked;
  for (const Repetition& rank : ranks) picked.push_back(select(rank.positions[index]));
  return picked;
}

// Joins the ranks' signals, position by position.
class PositionJoiner {
 public:
  static absl::StatusOr<PositionJoiner> Create(const Ranks& ranks) {
    absl::StatusOr<std::vector<Slice>> keys = Slices(ranks, "key elements", KeyRange);
    if (!keys.ok()) return keys.status();
    absl::StatusOr<std::vector<Slice>> vocabulary = Slices(ranks, "token ids", VocabularyRange);
    if (!vocabulary.ok()) return vocabulary.status();
    return PositionJoiner(ranks, *std::move(keys), *std::move(vocabulary));
  }

  absl::StatusOr<PositionRecord> Join(size_t index) const {
    PositionRecord joined = ranks_.front().positions[index];
    const std::string where = absl::StrCat("position ", joined.position());
    for (int i = 0; i < joined.layers_size(); ++i) {
      absl::Status status = JoinLayer(where, index, i, *joined.mutable_layers(i));
      if (!status.ok()) return status;
    }
    absl::StatusOr<LogProbs> top = JoinLogProbs(
        where + ", log-probs", vocabulary_,
        OfRanks(ranks_, index, [](const PositionRecord& p) { return &p.top_log_probs(); }));
    if (!top.ok()) return top.status();
    *joined.mutable_top_log_probs() = *std::move(top);
    if (!joined.has_reference_log_probs()) return joined;
    absl::StatusOr<LogProbs> reference = JoinLogProbs(
        where + ", reference log-probs", vocabulary_,
        OfRanks(ranks_, index, [](const PositionRecord& p) { return &p.reference_log_probs(); }));
    if (!reference.ok()) return reference.status();
    *joined.mutable_reference_log_probs() = *std::move(reference);
    return joined;
  }

 private:
  PositionJoiner(const Ranks& ranks, std::vector<Slice> keys, std::vector<Slice> vocabulary)
      : ranks_(ranks), keys_(std::move(keys)), vocabulary_(std::move(vocabulary)) {
    for (size_t rank = 0; rank < ranks.size(); ++rank) everyone_.ranks.push_back(rank);
  }

  absl::Status JoinLayer(const std::string& at_position, size_t index, int layer,
                         LayerSignals& joined) const {
    const std::string where = absl::StrCat(at_position, ", layer ", joined.layer());
    absl::Status status =
        AgreedValues(
            where + ", hidden state", everyone_,
            OfRanks(ranks_, index,
                    [layer](const PositionRecord& p) { return &p.layers(layer).hidden_state(); }))
            .status();
    if (!status.ok()) return status;
    absl::StatusOr<Values> key =
        JoinValues(where + ", key", keys_, OfRanks(ranks_, index, [layer](const PositionRecord& p) {
                     return &p.layers(layer).key();
                   }));
    if (!key.ok()) return key.status();
    *joined.mutable_key() = *std::move(key);
    return absl::OkStatus();
  }

  const Ranks& ranks_;
  const std::vector<Slice> keys_;
  const std::vector<Slice> vocabulary_;
  Slice everyone_;  // hidden states are replicated
};

// Every kernel once, in the order of its first appearance.
void MergeKernels(const Ranks& ranks, ShardFooter& footer) {
  footer.clear_kernels();
  std::map<std::tuple<std::string, std::string, std::string>, KernelUse*> merged;
  for (const Repetition& rank : ranks) {
    for (const KernelUse& use : rank.footer.kernels()) {
      KernelUse*& into = merged[{use.phase(), use.kernel(), use.operands()}];
      if (into == nullptr) {
        into = footer.add_kernels();
        *into = use;
        continue;
      }
      into->set_calls(into->calls() + use.calls());
      into->set_min_rows(std::min(into->min_rows(), use.min_rows()));
      into->set_max_rows(std::max(into->max_rows(), use.max_rows()));
    }
  }
}

}  // namespace

int WorldSize(const RunConfig& config) {
  const int64_t ranks = int64_t{std::max(1, config.tp_size())} * std::max(1, config.ep_size());
  return static_cast<int>(std::min<int64_t>(ranks, std::numeric_limits<int>::max()));
}

absl::StatusOr<Repetition> JoinRanks(const Ranks& ranks) {
  if (ranks.empty()) return absl::InvalidArgumentError("no rank to join");
  if (absl::Status status = CheckComparable(ranks); !status.ok()) return status;
  const absl::StatusOr<PositionJoiner> joiner = PositionJoiner::Create(ranks);
  if (!joiner.ok()) return joiner.status();
  Repetition joined;
  joined.header = ranks.front().header;
  joined.header.clear_part();
  joined.steps = ranks.front().steps;
  for (size_t i = 0; i < ranks.front().positions.size(); ++i) {
    absl::StatusOr<PositionRecord> position = joiner->Join(i);
    if (!position.ok()) return position.status();
    joined.positions.push_back(*std::move(position));
  }
  joined.footer = ranks.front().footer;
  MergeKernels(ranks, joined.footer);
  joined.footer.set_signals_sha256(SignalsDigest(joined));
  return joined;
}

}  // namespace forensics::schema
