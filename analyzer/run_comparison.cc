#include "analyzer/run_comparison.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "analyzer/compensated_sum.h"
#include "analyzer/logprob_alignment.h"
#include "analyzer/vector_difference.h"

namespace forensics::analyzer {
namespace {

// Collects the differences of one signal, timepoint by timepoint.
class SignalAccumulator {
 public:
  void Add(const Timepoint& at, const VectorDifference& difference) {
    if (!difference.finite) {
      ++result_.left_out.not_finite;
      return;
    }
    distances_.push_back(difference.l2);
    changed_ += difference.elements_changed;
    distinct_.emplace(at.Computed(), difference);  // the first of a position's repeats
  }

  SignalComparison& result() { return result_; }

  SignalComparison Finish() {
    result_.l2 = Summarize(distances_);
    result_.bit_identical = !distances_.empty() && changed_ == 0 && result_.unmatched_ids == 0;
    std::vector<double> all, prefill, decode, relative;
    DistinctStatistics& distinct = result_.distinct;
    for (const auto& [computed, difference] : distinct_) {
      all.push_back(difference.l2);
      (computed <= 0 ? prefill : decode).push_back(difference.l2);
      if (difference.norm_a > 0) relative.push_back(difference.l2 / difference.norm_a);
      distinct.largest_absolute = std::max(distinct.largest_absolute, difference.largest_absolute);
      distinct.largest_ulps = std::max(distinct.largest_ulps, difference.largest_ulps);
      distinct.elements += difference.elements;
      distinct.elements_changed += difference.elements_changed;
    }
    distinct.l2 = Summarize(all);
    distinct.prefill_l2 = Summarize(prefill);
    distinct.decode_l2 = Summarize(decode);
    distinct.relative_l2 = Summarize(relative);
    return std::move(result_);
  }

 private:
  SignalComparison result_;
  std::vector<double> distances_;
  int64_t changed_ = 0;
  std::map<int64_t, VectorDifference> distinct_;  // by Timepoint::Computed
};

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
                                const std::vector<int64_t>& steps) {
  SignalAccumulator accumulator;
  LeftOut& left_out = accumulator.result().left_out;
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
        ++left_out.missing;
      } else if ((*vector_a)->size() != (*vector_b)->size()) {
        ++left_out.unequal_length;
      } else {
        const auto [entry, is_new] = known.try_emplace({vector_a->get(), vector_b->get()});
        if (is_new) entry->second = Difference(**vector_a, **vector_b);
        accumulator.Add(at, entry->second);
      }
    }
  }
  return accumulator.Finish();
}

StoredLogProbs StoredAt(const RunRecord& run, const Timepoint& at) {
  return {Find(run.log_probs, at), Find(run.reference_log_probs, at)};
}

SignalComparison CompareLogProbs(const RunRecord& a, const RunRecord& b,
                                 const std::vector<int64_t>& steps) {
  SignalAccumulator accumulator;
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
        ++result.left_out.missing;
      } else if (aligned.malformed) {
        ++result.left_out.unequal_length;
      } else if (aligned.a.empty()) {
        ++result.left_out.no_common_id;
      } else {
        accumulator.Add(at, Difference(aligned.a, aligned.b));
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

}  // namespace

DistanceSummary Summarize(absl::Span<const double> distances) {
  DistanceSummary summary;
  if (distances.empty()) return summary;
  CompensatedSum sum;
  for (const double distance : distances) sum.Add(distance);
  summary.n = static_cast<int64_t>(distances.size());
  summary.mean = sum.Total() / static_cast<double>(summary.n);
  summary.min = *std::min_element(distances.begin(), distances.end());
  summary.max = *std::max_element(distances.begin(), distances.end());
  return summary;
}

RunComparison CompareRuns(const RunRecord& a, const RunRecord& b, const std::set<SignalId>& signals,
                          bool same_reference) {
  RunComparison comparison;
  comparison.contexts = CompareContexts(a, b, same_reference);
  const std::vector<int64_t>& steps = comparison.contexts.comparable_steps;
  for (const SignalId& signal : signals) {
    comparison.signals[signal] =
        signal.kind == SignalKind::kLogProbs
            ? CompareLogProbs(a, b, steps)
            : CompareVectors(VectorsOf(a, signal), VectorsOf(b, signal), steps);
  }
  return comparison;
}

}  // namespace forensics::analyzer
