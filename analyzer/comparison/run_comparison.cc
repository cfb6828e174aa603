#include "analyzer/comparison/run_comparison.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "analyzer/comparison/logprob_alignment.h"
#include "analyzer/comparison/vector_difference.h"

namespace forensics::analyzer {
namespace {

// Inserts the positions that `stored` has at `step`.
template <typename Stored>
void AddPositions(const std::map<Timepoint, Stored>& stored, int64_t step,
                  std::set<Timepoint>& positions) {
  for (auto it = stored.lower_bound(Timepoint{step, INT32_MIN});
       it != stored.end() && it->first.step == step; ++it) {
    positions.insert(it->first);
  }
}

template <typename Stored>
const Stored* Find(const std::map<Timepoint, Stored>& stored, const Timepoint& at) {
  const auto found = stored.find(at);
  return found == stored.end() ? nullptr : &found->second;
}

SignalComparison CompareVectors(const Vectors& a, const Vectors& b,
                                const std::vector<int64_t>& steps, NumberFormat format) {
  SignalAccumulator accumulator(format);
  // A window repeats a position: the same two vectors are compared once.
  std::map<std::pair<const void*, const void*>, VectorDifference> known;
  for (const int64_t step : steps) {
    std::set<Timepoint> positions;
    AddPositions(a, step, positions);
    AddPositions(b, step, positions);
    for (const Timepoint& at : positions) {
      const SharedVector* vector_a = Find(a, at);
      const SharedVector* vector_b = Find(b, at);
      if (vector_a == nullptr || vector_b == nullptr) {
        accumulator.AddMissing();
      } else if ((*vector_a)->size() != (*vector_b)->size()) {
        accumulator.AddOther(&LeftOut::unequal_length);
      } else {
        const auto [entry, is_new] = known.try_emplace({vector_a->get(), vector_b->get()});
        if (is_new) entry->second = Difference(**vector_a, **vector_b, format);
        accumulator.Add(at, entry->second);
      }
    }
  }
  return accumulator.Finish();
}

SignalComparison CompareLogProbs(const RunRecord& a, const RunRecord& b,
                                 const std::vector<int64_t>& steps) {
  SignalAccumulator accumulator(NumberFormat::kFloat32);
  SignalComparison& result = accumulator.result();
  for (const int64_t step : steps) {
    std::set<Timepoint> positions;
    for (const RunRecord* run : {&a, &b}) {
      AddPositions(run->log_probs, step, positions);
      AddPositions(run->reference_log_probs, step, positions);
    }
    for (const Timepoint& at : positions) {
      const AlignedLogProbs aligned = Align(StoredAt(a, at), StoredAt(b, at));
      result.unmatched_ids += aligned.unmatched_ids;
      if (aligned.missing) {
        accumulator.AddMissing();
      } else if (aligned.malformed) {
        accumulator.AddOther(&LeftOut::unequal_length);
      } else if (aligned.a.empty()) {
        accumulator.AddOther(&LeftOut::no_common_id);
      } else {
        accumulator.Add(at, Difference(aligned.a, aligned.b), aligned.unmatched_ids == 0);
      }
    }
  }
  return accumulator.Finish();
}

const Vectors& VectorsOf(const RunRecord& run, const SignalId& signal) {
  static const Vectors* const kNone = new Vectors;
  const auto found = run.vectors.find(signal);
  return found == run.vectors.end() ? *kNone : found->second;
}

std::optional<TokenDivergence> FirstDivergentToken(const Contexts& contexts, const RunRecord& a,
                                                   const RunRecord& b) {
  if (!contexts.first_token_difference.has_value()) return std::nullopt;
  const int64_t step = *contexts.first_token_difference;
  return TokenDivergence{step, a.steps.at(step), b.steps.at(step)};
}

// Sorts by when a model computes it.
auto WhenComputed(const Divergence& divergence) {
  const SignalId& signal = divergence.signal;
  const bool is_last = signal.kind == SignalKind::kLogProbs;
  const int64_t computed = divergence.where.at.Computed();
  return std::make_tuple(std::max<int64_t>(0, computed), is_last, signal.layer,
                         signal.kind != SignalKind::kKeyVectors, computed);
}

}  // namespace

std::optional<Divergence> RunComparison::FirstDivergence() const {
  std::optional<Divergence> first;
  for (const auto& [id, signal] : signals) {
    if (!signal.first_divergence.has_value()) continue;
    const Divergence divergence{id, *signal.first_divergence};
    if (!first.has_value() || WhenComputed(divergence) < WhenComputed(*first)) first = divergence;
  }
  return first;
}

bool RunComparison::identical() const {
  const bool whole = !first_divergent_token.has_value() && contexts.steps_left_out == 0 &&
                     contexts.missing_in_a.empty() && contexts.missing_in_b.empty();
  bool any = false;
  for (const auto& [id, signal] : signals) {
    any |= signal.agreement.identical();
    if (!signal.agreement.empty() && !signal.agreement.identical()) return false;
  }
  return whole && any;
}

RunComparison CompareRuns(const RunRecord& a, const RunRecord& b, const std::set<SignalId>& signals,
                          bool same_reference, NumberFormat format) {
  RunComparison comparison;
  comparison.contexts = CompareContexts(a, b, same_reference);
  comparison.first_divergent_token = FirstDivergentToken(comparison.contexts, a, b);
  const std::vector<int64_t>& steps = comparison.contexts.comparable_steps;
  for (const SignalId& signal : signals) {
    comparison.signals[signal] =
        signal.kind == SignalKind::kLogProbs
            ? CompareLogProbs(a, b, steps)
            : CompareVectors(VectorsOf(a, signal), VectorsOf(b, signal), steps, format);
  }
  return comparison;
}

}  // namespace forensics::analyzer
