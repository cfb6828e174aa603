#include "analyzer/attribution/run_distance.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <vector>

#include "absl/types/span.h"
#include "analyzer/comparison/contexts.h"
#include "analyzer/comparison/logprob_alignment.h"
#include "analyzer/comparison/vector_sums.h"

namespace forensics::analyzer {
namespace {

// Below this part of the noise distances count as the same.
constexpr double kFloor = 0.01;

// Collects one signal, position by position.
class SignalSum {
 public:
  // Whether a position has its distance already: a window repeats it.
  bool Has(const Timepoint& at) const { return measured_.count(at.Computed()) > 0; }

  // `a` and `b` have the same length. `same_elements`: neither has an element that was not aligned.
  void Add(const Timepoint& at, absl::Span<const float> a, absl::Span<const float> b,
           bool same_elements = true) {
    const bool same_bits = std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
    if (compared_.insert(at.Computed()).second) {
      ++result_.compared;
      if (same_bits && same_elements) ++result_.identical;
    }
    // A NaN or infinity in either vector leaves no finite sum.
    const double squares = SquaredDistance(a, b);
    if (!std::isfinite(squares)) return;
    measured_.insert(at.Computed());
    sum_ += std::sqrt(squares);
  }

  SignalDistance Finish() {
    result_.positions = static_cast<int64_t>(measured_.size());
    if (result_.positions > 0) result_.mean_l2 = sum_ / static_cast<double>(result_.positions);
    return result_;
  }

 private:
  SignalDistance result_;
  std::set<int64_t> compared_;
  std::set<int64_t> measured_;
  double sum_ = 0;
};

bool IsComparable(const std::vector<int64_t>& steps, const Timepoint& at) {
  return std::binary_search(steps.begin(), steps.end(), at.step);
}

SignalDistance DistanceOfVectors(const Vectors& a, const Vectors& b,
                                 const std::vector<int64_t>& steps) {
  SignalSum sum;
  for (const auto& [at, vector] : a) {
    if (sum.Has(at) || !IsComparable(steps, at)) continue;
    const auto other = b.find(at);
    if (other == b.end() || other->second->size() != vector->size()) continue;
    sum.Add(at, *vector, *other->second);
  }
  return sum.Finish();
}

SignalDistance DistanceOfLogProbs(const RunRecord& a, const RunRecord& b,
                                  const std::vector<int64_t>& steps) {
  SignalSum sum;
  std::set<Timepoint> timepoints;
  for (const auto* lists : {&a.log_probs, &a.reference_log_probs}) {
    for (const auto& [at, list] : *lists) timepoints.insert(at);
  }
  for (const Timepoint& at : timepoints) {
    if (sum.Has(at) || !IsComparable(steps, at)) continue;
    const AlignedLogProbs aligned = Align(StoredAt(a, at), StoredAt(b, at));
    if (aligned.missing || aligned.malformed || aligned.a.empty()) continue;
    sum.Add(at, aligned.a, aligned.b, aligned.unmatched_ids == 0);
  }
  return sum.Finish();
}

}  // namespace

bool RunDistance::identical() const {
  return comparable() && identical_signals() == static_cast<int64_t>(signals.size());
}

int64_t RunDistance::identical_signals() const {
  return std::count_if(signals.begin(), signals.end(), [](const auto& signal) {
    return signal.second.identical == signal.second.compared;
  });
}

RunDistance DistanceOf(const ComparedRun& a, const ComparedRun& b) {
  RunDistance distance;
  const bool same_reference =
      FedBySameReference(*a.configuration, *a.run, *b.configuration, *b.run);
  const Contexts contexts = CompareContexts(*a.run, *b.run, same_reference);
  distance.same_prompt = contexts.same_prompt;
  const std::vector<int64_t>& steps = contexts.comparable_steps;
  const auto keep = [&](const SignalId& signal, const SignalDistance& found) {
    if (found.compared > 0) distance.signals[signal] = found;
  };
  for (const auto& [signal, vectors] : a.run->vectors) {
    const auto other = b.run->vectors.find(signal);
    if (other == b.run->vectors.end()) continue;
    keep(signal, DistanceOfVectors(vectors, other->second, steps));
  }
  keep({SignalKind::kLogProbs, 0}, DistanceOfLogProbs(*a.run, *b.run, steps));
  return distance;
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

}  // namespace forensics::analyzer
