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
void AddPositions(const std::map<Timepoint, LogProbs>& stored, int64_t step,
                  std::set<Timepoint>& positions) {
  for (auto it = stored.lower_bound(Timepoint{step, INT32_MIN});
       it != stored.end() && it->first.step == step; ++it) {
    positions.insert(it->first);
  }
}

// The vectors of one step of two runs, position by position; a run may lack some.
class StepWalk {
 public:
  StepWalk(const Vectors& a, const Vectors& b, int64_t step)
      : a_(a.lower_bound(First(step))),
        b_(b.lower_bound(First(step))),
        end_a_(a.lower_bound(First(step + 1))),
        end_b_(b.lower_bound(First(step + 1))) {}

  // Goes to the next position that either has; false if there is none.
  bool Next() {
    if (a_ == end_a_ && b_ == end_b_) return false;
    const bool in_a = b_ == end_b_ || (a_ != end_a_ && !(b_->first < a_->first));
    const bool in_b = a_ == end_a_ || (b_ != end_b_ && !(a_->first < b_->first));
    at_ = in_a ? a_->first : b_->first;
    vector_a_ = in_a ? (a_++)->second.get() : nullptr;
    vector_b_ = in_b ? (b_++)->second.get() : nullptr;
    return true;
  }

  const Timepoint& at() const { return at_; }
  // Null where the run has none.
  const std::vector<float>* vector_a() const { return vector_a_; }
  const std::vector<float>* vector_b() const { return vector_b_; }

 private:
  static Timepoint First(int64_t step) { return {step, INT32_MIN}; }

  Vectors::const_iterator a_, b_, end_a_, end_b_;
  Timepoint at_;
  const std::vector<float>* vector_a_ = nullptr;
  const std::vector<float>* vector_b_ = nullptr;
};

SignalComparison CompareVectors(const Vectors& a, const Vectors& b,
                                const std::vector<int64_t>& steps, NumberFormat format) {
  SignalAccumulator accumulator(format);
  // A window repeats a position: the same two vectors are compared once.
  std::map<std::pair<const void*, const void*>, VectorDifference> known;
  for (const int64_t step : steps) {
    for (StepWalk walk(a, b, step); walk.Next();) {
      const std::vector<float>*const in_a = walk.vector_a(), *const in_b = walk.vector_b();
      if (in_a == nullptr || in_b == nullptr) {
        accumulator.AddMissing();
      } else if (in_a->size() != in_b->size()) {
        accumulator.AddOther(&LeftOut::unequal_length);
      } else {
        const auto [entry, is_new] = known.try_emplace({in_a, in_b});
        if (is_new) entry->second = Difference(*in_a, *in_b, format);
        accumulator.Add(walk.at(), entry->second);
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

RunComparison CompareTokens(const RunRecord& a, const RunRecord& b, bool same_reference) {
  RunComparison comparison;
  comparison.contexts = CompareContexts(a, b, same_reference);
  comparison.first_divergent_token = FirstDivergentToken(comparison.contexts, a, b);
  return comparison;
}

SignalComparison CompareSignal(const RunRecord& a, const RunRecord& b, const SignalId& signal,
                               const Contexts& contexts, NumberFormat format) {
  const std::vector<int64_t>& steps = contexts.comparable_steps;
  return signal.kind == SignalKind::kLogProbs
             ? CompareLogProbs(a, b, steps)
             : CompareVectors(VectorsOf(a, signal), VectorsOf(b, signal), steps, format);
}

RunComparison CompareRuns(const RunRecord& a, const RunRecord& b, const std::set<SignalId>& signals,
                          bool same_reference, NumberFormat format) {
  RunComparison comparison = CompareTokens(a, b, same_reference);
  for (const SignalId& signal : signals) {
    comparison.signals[signal] = CompareSignal(a, b, signal, comparison.contexts, format);
  }
  return comparison;
}

}  // namespace forensics::analyzer
