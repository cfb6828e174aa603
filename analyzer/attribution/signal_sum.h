// The distance of two runs in one signal, collected position by position.
#ifndef ANALYZER_ATTRIBUTION_SIGNAL_SUM_H_
#define ANALYZER_ATTRIBUTION_SIGNAL_SUM_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "analyzer/attribution/run_distance.h"
#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

// Positions in ascending order; they come nearly so.
class PositionSet {
 public:
  bool Has(int64_t position) const {
    if (positions_.empty() || position > positions_.back()) return false;
    const auto span = static_cast<size_t>(positions_.back() - positions_.front());
    // Nearly always there is no gap.
    if (span + 1 == positions_.size()) return position >= positions_.front();
    return std::binary_search(positions_.begin(), positions_.end(), position);
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

class SignalSum {
 public:
  using Cause = int64_t NotCompared::*;

  // Whether a position has its distance already: a window repeats it.
  bool Has(const Timepoint& at) const { return measured_.Has(at.Computed()); }

  // `squares`: the squared distance. `identical`: the same bits in every element.
  void Add(const Timepoint& at, double squares, bool identical) {
    if (compared_.Insert(at.Computed())) {
      ++result_.compared;
      if (identical) ++result_.identical;
    }
    // A NaN or infinity in either vector leaves no finite sum.
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

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_SIGNAL_SUM_H_
