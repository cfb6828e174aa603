#include "analyzer/attribution/run_distance.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/comparison/contexts.h"
#include "analyzer/comparison/logprob_alignment.h"
#include "analyzer/comparison/vector_sums.h"

namespace forensics::analyzer {
namespace {

// Below this part of the noise distances count as the same.
constexpr double kFloor = 0.01;

// Positions in ascending order; they come nearly so.
class PositionSet {
 public:
  bool Has(int64_t position) const {
    return !positions_.empty() && position <= positions_.back() &&
           std::binary_search(positions_.begin(), positions_.end(), position);
  }

  // False if it has the position already.
  bool Insert(int64_t position) {
    if (Has(position)) return false;
    if (positions_.empty()) positions_.reserve(kUsual);
    positions_.insert(std::upper_bound(positions_.begin(), positions_.end(), position), position);
    return true;
  }

  size_t size() const { return positions_.size(); }

 private:
  static constexpr size_t kUsual = 32;

  std::vector<int64_t> positions_;
};

// Its exponential is 0.
constexpr double kLogOfNothing = -750;

using Cause = int64_t NotCompared::*;

// Collects one signal, position by position.
class SignalSum {
 public:
  // Whether a position has its distance already: a window repeats it.
  bool Has(const Timepoint& at) const { return measured_.Has(at.Computed()); }

  // `a` and `b` have the same length. `same_elements`: neither has an element that was not aligned.
  void Add(const Timepoint& at, absl::Span<const float> a, absl::Span<const float> b,
           bool same_elements = true) {
    if (compared_.Insert(at.Computed())) {
      ++result_.compared;
      if (EqualBits(a, b) && same_elements) ++result_.identical;
    }
    // A NaN or infinity in either vector leaves no finite sum.
    const double squares = SquaredDistance(a, b);
    if (!std::isfinite(squares)) return;
    measured_.Insert(at.Computed());
    sum_ += std::sqrt(squares);
  }

  void LeaveOut(const Timepoint& at, Cause cause) {
    if (left_out_.Insert(at.Computed())) causes_.emplace_back(at.Computed(), cause);
  }

  // Adds what was compared and what was not to that of the pair's other signals.
  void AddTo(RunDistance& distance) const {
    distance.agreement.same += result_.identical;
    distance.agreement.other += result_.compared - result_.identical;
    for (const auto& [position, cause] : causes_) {
      if (cause == &NotCompared::other_length) distance.agreement.Note(false);
      if (cause == &NotCompared::one_sided) ++distance.agreement.one_sided;
      // Another window may show it.
      if (!compared_.Has(position)) ++(distance.not_compared.*cause);
    }
  }

  SignalDistance Finish() {
    result_.positions = static_cast<int64_t>(measured_.size());
    if (result_.positions > 0) result_.mean_l2 = sum_ / static_cast<double>(result_.positions);
    return result_;
  }

 private:
  SignalDistance result_;
  PositionSet compared_;
  PositionSet measured_;
  PositionSet left_out_;
  std::vector<std::pair<int64_t, Cause>> causes_;  // of left_out_
  double sum_ = 0;
};

bool IsComparable(const std::vector<int64_t>& steps, const Timepoint& at) {
  return std::binary_search(steps.begin(), steps.end(), at.step);
}

// Walks through the vectors of one signal in several runs, timepoint by timepoint.
class TimepointWalk {
 public:
  TimepointWalk(const std::vector<const RunRecord*>& runs, const SignalId& signal)
      : present_(runs.size()) {
    static const Vectors* const kNone = new Vectors;
    for (const RunRecord* run : runs) {
      const auto found = run->vectors.find(signal);
      const Vectors& vectors = found == run->vectors.end() ? *kNone : found->second;
      places_.emplace_back(vectors.begin(), vectors.end());
    }
  }

  // Goes to the next timepoint that any run has; false if there is none.
  bool Next() {
    const Timepoint* next = nullptr;
    for (const auto& [place, end] : places_) {
      if (place != end && (next == nullptr || place->first < *next)) next = &place->first;
    }
    if (next == nullptr) return false;
    at_ = *next;
    for (size_t i = 0; i < places_.size(); ++i) {
      auto& [place, end] = places_[i];
      const bool has = place != end && place->first == at_;
      present_[i] = has ? place->second.get() : nullptr;
      if (has) ++place;
    }
    return true;
  }

  const Timepoint& at() const { return at_; }
  // The vector of the run with this index; null if it has none here.
  const std::vector<float>* Of(size_t run) const { return present_[run]; }

 private:
  std::vector<std::pair<Vectors::const_iterator, Vectors::const_iterator>> places_;
  std::vector<const std::vector<float>*> present_;
  Timepoint at_;
};

bool HasLogProbs(const RunRecord& run, const Timepoint& at) {
  return run.log_probs.count(at) > 0 || run.reference_log_probs.count(at) > 0;
}

SignalSum SumOfLogProbs(const RunRecord& a, const RunRecord& b, const std::vector<int64_t>& steps) {
  SignalSum sum;
  std::set<Timepoint> timepoints;
  for (const RunRecord* run : {&a, &b}) {
    for (const auto* lists : {&run->log_probs, &run->reference_log_probs}) {
      for (const auto& [at, list] : *lists) timepoints.insert(at);
    }
  }
  for (const Timepoint& at : timepoints) {
    if (sum.Has(at)) continue;
    if (!HasLogProbs(a, at) || !HasLogProbs(b, at)) {
      sum.LeaveOut(at, &NotCompared::one_sided);
      continue;
    }
    if (!IsComparable(steps, at)) {
      sum.LeaveOut(at, &NotCompared::other_context);
      continue;
    }
    const AlignedLogProbs aligned = Align(StoredAt(a, at), StoredAt(b, at));
    if (aligned.missing || aligned.malformed || aligned.a.empty()) {
      sum.LeaveOut(at, aligned.missing ? &NotCompared::one_sided : &NotCompared::other_length);
    } else {
      sum.Add(at, aligned.a, aligned.b, aligned.unmatched_ids == 0);
    }
  }
  return sum;
}

// Measures pairs, signal by signal.
class PairMeasurer {
 public:
  explicit PairMeasurer(absl::Span<const RunPair> pairs) : distances_(pairs.size()) {
    for (size_t i = 0; i < pairs.size(); ++i) {
      const auto& [a, b] = pairs[i];
      Contexts contexts = CompareContexts(
          *a.run, *b.run, FedBySameReference(*a.configuration, *a.run, *b.configuration, *b.run));
      distances_[i].same_prompt = contexts.same_prompt;
      distances_[i].first_other_token = contexts.first_token_difference;
      pairs_.push_back({Number(a.run), Number(b.run), std::move(contexts.comparable_steps)});
    }
  }

  std::vector<RunDistance> Measure() {
    std::set<SignalId> signals;
    for (const RunRecord* run : runs_) {
      for (const auto& [signal, vectors] : run->vectors) signals.insert(signal);
    }
    for (const SignalId& signal : signals) MeasureVectors(signal);
    for (size_t i = 0; i < pairs_.size(); ++i) {
      const Pair& pair = pairs_[i];
      Keep(i, {SignalKind::kLogProbs, 0},
           SumOfLogProbs(*runs_[pair.a], *runs_[pair.b], pair.steps));
    }
    return std::move(distances_);
  }

 private:
  struct Pair {
    size_t a = 0;  // of runs_
    size_t b = 0;
    std::vector<int64_t> steps;  // that are comparable
  };

  size_t Number(const RunRecord* run) {
    const auto known = std::find(runs_.begin(), runs_.end(), run);
    const size_t number = static_cast<size_t>(known - runs_.begin());
    if (known == runs_.end()) runs_.push_back(run);
    return number;
  }

  void MeasureVectors(const SignalId& signal) {
    std::vector<SignalSum> sums(pairs_.size());
    for (TimepointWalk walk(runs_, signal); walk.Next();) {
      for (size_t i = 0; i < pairs_.size(); ++i) {
        const std::vector<float>* const a = walk.Of(pairs_[i].a);
        const std::vector<float>* const b = walk.Of(pairs_[i].b);
        if (a == nullptr && b == nullptr) continue;
        MeasureTimepoint(walk.at(), a, b, pairs_[i].steps, sums[i]);
      }
    }
    for (size_t i = 0; i < pairs_.size(); ++i) Keep(i, signal, std::move(sums[i]));
  }

  // One of the two may be null.
  static void MeasureTimepoint(const Timepoint& at, const std::vector<float>* a,
                               const std::vector<float>* b, const std::vector<int64_t>& steps,
                               SignalSum& sum) {
    if (a == nullptr || b == nullptr) return sum.LeaveOut(at, &NotCompared::one_sided);
    const bool same_length = a->size() == b->size();
    if (same_length && sum.Has(at)) return;
    if (!IsComparable(steps, at)) return sum.LeaveOut(at, &NotCompared::other_context);
    if (!same_length) return sum.LeaveOut(at, &NotCompared::other_length);
    sum.Add(at, *a, *b);
  }

  void Keep(size_t pair, const SignalId& signal, SignalSum sum) {
    sum.AddTo(distances_[pair]);
    const SignalDistance found = sum.Finish();
    if (found.compared > 0) distances_[pair].signals[signal] = found;
  }

  std::vector<const RunRecord*> runs_;
  std::vector<Pair> pairs_;
  std::vector<RunDistance> distances_;  // of the pairs
};

}  // namespace

int64_t RunDistance::identical_signals() const {
  return std::count_if(signals.begin(), signals.end(), [](const auto& signal) {
    return signal.second.identical == signal.second.compared;
  });
}

RunDistance DistanceOf(const ComparedRun& a, const ComparedRun& b) {
  const RunPair pair(a, b);
  return DistancesOf(absl::MakeConstSpan(&pair, 1)).front();
}

std::vector<RunDistance> DistancesOf(absl::Span<const RunPair> pairs) {
  return PairMeasurer(pairs).Measure();
}

std::optional<double> LogDistance(const RunDistance& distance, const NoiseScales& scales) {
  double sum = 0;
  int signals = 0;
  for (const auto& [signal, found] : distance.signals) {
    const auto scale = scales.find(signal);
    if (scale == scales.end() || found.positions == 0) continue;
    sum += std::log(std::hypot(found.mean_l2 / scale->second, kFloor));
    ++signals;
  }
  if (signals == 0) return std::nullopt;
  return sum / signals;
}

std::optional<double> LogL2(const RunDistance& distance) {
  double sum = 0;
  int signals = 0;
  for (const auto& [signal, found] : distance.signals) {
    if (found.positions == 0) continue;
    sum += found.mean_l2;
    ++signals;
  }
  if (signals == 0) return std::nullopt;
  return sum > 0 ? std::log(sum / signals) : kLogOfNothing;
}

}  // namespace forensics::analyzer
