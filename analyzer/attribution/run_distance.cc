#include "analyzer/attribution/run_distance.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/attribution/signal_sum.h"
#include "analyzer/comparison/contexts.h"
#include "analyzer/comparison/logprob_alignment.h"
#include "analyzer/comparison/squared_distances.h"
#include "analyzer/parallel/parallel.h"

namespace forensics::analyzer {
namespace {

// Below this part of the noise distances count as the same.
constexpr double kFloor = 0.01;

// Its exponential is 0.
constexpr double kLogOfNothing = -750;

// `squares`: their squared distance. Where it is more than 0 they need not be looked at again;
// where it is not, 0.0 and -0.0 may differ, and a NaN may be the same.
bool SameBits(absl::Span<const float> a, absl::Span<const float> b, double squares) {
  return !(squares > 0) && EqualBits(a, b);
}

// Walks through the vectors of one signal in several runs, timepoint by timepoint.
class TimepointWalk {
 public:
  TimepointWalk(const std::vector<const RunRecord*>& runs, const SignalId& signal)
      : present_(runs.size()), values_(runs.size()) {
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
      present_[i] = has;
      values_[i] = has ? absl::MakeConstSpan(*place->second) : absl::Span<const float>();
      if (has) ++place;
    }
    return true;
  }

  const Timepoint& at() const { return at_; }
  // Whether the run with this index has a vector here.
  bool Has(size_t run) const { return present_[run]; }
  // Of each run; empty where it has none.
  absl::Span<const absl::Span<const float>> vectors() const { return values_; }

 private:
  std::vector<std::pair<Vectors::const_iterator, Vectors::const_iterator>> places_;
  std::vector<bool> present_;
  std::vector<absl::Span<const float>> values_;
  Timepoint at_;
};

// What a run stores of log-probs, by timepoint, ascending.
using LogProbLists = std::vector<std::pair<Timepoint, StoredLogProbs>>;

LogProbLists ListsOf(const RunRecord& run) {
  std::set<Timepoint> timepoints;
  for (const auto* lists : {&run.log_probs, &run.reference_log_probs}) {
    for (const auto& [at, list] : *lists) timepoints.insert(at);
  }
  LogProbLists lists;
  for (const Timepoint& at : timepoints) lists.emplace_back(at, StoredAt(run, at));
  return lists;
}

void AddLogProbs(const Timepoint& at, const StoredLogProbs& a, const StoredLogProbs& b,
                 SignalSum& sum) {
  const AlignedLogProbs aligned = Align(a, b);
  if (aligned.missing) return sum.LeaveOut(at, &NotCompared::one_sided);
  if (aligned.malformed || aligned.a.empty()) return sum.LeaveOut(at, &NotCompared::other_length);
  const double squares = SquaredDistance(aligned.a, aligned.b);
  const bool same_elements = aligned.unmatched_ids == 0;
  sum.Add(at, squares, same_elements && SameBits(aligned.a, aligned.b, squares));
}

// `end`: Contexts::comparable_end.
SignalSum SumOfLogProbs(const LogProbLists& a, const LogProbLists& b, int64_t end) {
  SignalSum sum;
  auto in_a = a.begin(), in_b = b.begin();
  while (in_a != a.end() || in_b != b.end()) {
    const bool only_a = in_b == b.end() || (in_a != a.end() && in_a->first < in_b->first);
    const bool only_b = !only_a && (in_a == a.end() || in_b->first < in_a->first);
    const Timepoint& at = only_b ? in_b->first : in_a->first;
    if (!sum.Has(at)) {
      if (only_a || only_b) {
        sum.LeaveOut(at, &NotCompared::one_sided);
      } else if (at.step >= end) {
        sum.LeaveOut(at, &NotCompared::other_context);
      } else {
        AddLogProbs(at, in_a->second, in_b->second, sum);
      }
    }
    if (!only_b) ++in_a;
    if (!only_a) ++in_b;
  }
  return sum;
}

// Measures pairs, signal by signal.
class PairMeasurer {
 public:
  explicit PairMeasurer(absl::Span<const RunPair> pairs) : distances_(pairs.size()) {
    for (size_t i = 0; i < pairs.size(); ++i) {
      const auto& [a, b] = pairs[i];
      const Contexts contexts = CompareContexts(
          *a.run, *b.run, FedBySameReference(*a.configuration, *a.run, *b.configuration, *b.run));
      distances_[i].same_prompt = contexts.same_prompt;
      distances_[i].first_other_token = contexts.first_token_difference;
      pairs_.push_back({Number(a.run), Number(b.run), contexts.comparable_end()});
    }
    for (const RunRecord* run : runs_) log_probs_.push_back(ListsOf(*run));
  }

  // What is to be done, in any order and at the same time; the measurer outlives it.
  void AddTasks(std::vector<std::function<void()>>& tasks) {
    std::set<SignalId> signals;
    for (const RunRecord* run : runs_) {
      for (const auto& [signal, vectors] : run->vectors) signals.insert(signal);
    }
    for (const SignalId& signal : signals) {
      tasks.push_back([this, signal] { MeasureVectors(signal); });
    }
    for (size_t begin = 0; begin < pairs_.size(); begin += kLogProbsATask) {
      tasks.push_back([this, begin] { MeasureLogProbs(begin); });
    }
  }

  // Once all of it is done.
  std::vector<RunDistance> Finish() { return std::move(distances_); }

 private:
  struct Pair {
    size_t a = 0;  // of runs_
    size_t b = 0;
    int64_t end = 0;  // Contexts::comparable_end
  };

  static constexpr size_t kLogProbsATask = 256;

  size_t Number(const RunRecord* run) {
    const auto known = std::find(runs_.begin(), runs_.end(), run);
    const size_t number = static_cast<size_t>(known - runs_.begin());
    if (known == runs_.end()) runs_.push_back(run);
    return number;
  }

  void MeasureVectors(const SignalId& signal) {
    std::vector<SignalSum> sums(pairs_.size());
    SquaredDistances squared_distances;
    for (TimepointWalk walk(runs_, signal); walk.Next();) {
      std::vector<size_t> due;
      for (size_t i = 0; i < pairs_.size(); ++i) {
        if (IsDue(walk, pairs_[i], sums[i])) due.push_back(i);
      }
      MeasureTimepoint(walk, due, squared_distances, sums);
    }
    Keep(signal, 0, sums);
  }

  // Whether a pair is to be measured at a timepoint; what else keeps it from that than an earlier
  // window is noted.
  static bool IsDue(const TimepointWalk& walk, const Pair& pair, SignalSum& sum) {
    const auto leave_out = [&](SignalSum::Cause cause) {
      sum.LeaveOut(walk.at(), cause);
      return false;
    };
    const bool in_a = walk.Has(pair.a), in_b = walk.Has(pair.b);
    if (!in_a && !in_b) return false;
    if (!in_a || !in_b) return leave_out(&NotCompared::one_sided);
    const bool same_length = walk.vectors()[pair.a].size() == walk.vectors()[pair.b].size();
    if (same_length && sum.Has(walk.at())) return false;
    if (walk.at().step >= pair.end) return leave_out(&NotCompared::other_context);
    return same_length || leave_out(&NotCompared::other_length);
  }

  // `due`: the pairs with a distance here.
  void MeasureTimepoint(const TimepointWalk& walk, absl::Span<const size_t> due,
                        SquaredDistances& squared_distances, std::vector<SignalSum>& sums) const {
    std::vector<SquaredDistances::Pair> pairs;
    for (const size_t i : due) pairs.emplace_back(pairs_[i].a, pairs_[i].b);
    const absl::Span<const double> squares = squared_distances.Of(walk.vectors(), pairs);
    for (size_t i = 0; i < due.size(); ++i) {
      const auto& [a, b] = pairs[i];
      sums[due[i]].Add(walk.at(), squares[i],
                       SameBits(walk.vectors()[a], walk.vectors()[b], squares[i]));
    }
  }

  // Of the pairs from `begin` on.
  void MeasureLogProbs(size_t begin) {
    std::vector<SignalSum> sums;
    for (size_t i = begin; i < std::min(pairs_.size(), begin + kLogProbsATask); ++i) {
      const Pair& pair = pairs_[i];
      sums.push_back(SumOfLogProbs(log_probs_[pair.a], log_probs_[pair.b], pair.end));
    }
    Keep({SignalKind::kLogProbs, 0}, begin, sums);
  }

  // `sums`: of the pairs from `begin` on. In what order signals come does not matter.
  void Keep(const SignalId& signal, size_t begin, std::vector<SignalSum>& sums) {
    const std::lock_guard<std::mutex> lock(distances_mutex_);
    for (size_t i = 0; i < sums.size(); ++i) {
      RunDistance& distance = distances_[begin + i];
      sums[i].AddTo(distance);
      const SignalDistance found = sums[i].Finish();
      if (found.compared > 0) distance.signals[signal] = found;
    }
  }

  std::vector<const RunRecord*> runs_;
  std::vector<LogProbLists> log_probs_;  // of the runs
  std::vector<Pair> pairs_;
  std::vector<RunDistance> distances_;  // of the pairs
  std::mutex distances_mutex_;
};

}  // namespace

int64_t RunDistance::identical_signals() const {
  return std::count_if(signals.begin(), signals.end(), [](const auto& signal) {
    return signal.second.identical == signal.second.compared;
  });
}

RunDistance DistanceOf(const ComparedRun& a, const ComparedRun& b) {
  const RunPair pair(a, b);
  PairMeasurer measurer(absl::MakeConstSpan(&pair, 1));
  std::vector<std::function<void()>> tasks;
  measurer.AddTasks(tasks);
  for (const std::function<void()>& task : tasks) task();
  return std::move(measurer.Finish().front());
}

std::vector<std::vector<RunDistance>> DistancesOf(const std::vector<std::vector<RunPair>>& groups) {
  std::vector<std::unique_ptr<PairMeasurer>> measurers;
  std::vector<std::function<void()>> tasks;
  for (const std::vector<RunPair>& pairs : groups) {
    measurers.push_back(std::make_unique<PairMeasurer>(pairs));
    measurers.back()->AddTasks(tasks);
  }
  RunOnAllCores(tasks);
  std::vector<std::vector<RunDistance>> distances;
  for (const auto& measurer : measurers) distances.push_back(measurer->Finish());
  return distances;
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
