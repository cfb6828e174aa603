#include "analyzer/comparison/reproducibility.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "analyzer/comparison/run_comparison.h"
#include "analyzer/comparison/run_difference.h"

namespace forensics::analyzer {
namespace {

constexpr size_t kMostPairedRepetitions = 8;

// A class a run of equal ones, numbered from 0; -1 for runs that `belongs` leaves out.
template <typename Belongs, typename Equal>
std::vector<int> Classes(const std::vector<const RunRecord*>& runs, Belongs belongs, Equal equal) {
  std::vector<int> classes;
  std::vector<const RunRecord*> first;
  for (const RunRecord* run : runs) {
    if (!belongs(*run)) {
      classes.push_back(-1);
      continue;
    }
    const auto known = std::find_if(first.begin(), first.end(),
                                    [&](const RunRecord* other) { return equal(*other, *run); });
    classes.push_back(static_cast<int>(known - first.begin()));
    if (known == first.end()) first.push_back(run);
  }
  return classes;
}

class Checker {
 public:
  Checker(const Experiment& experiment, const Configuration& configuration,
          const SignalId& headline)
      : headline_(headline), forced_(configuration.forced) {
    for (const RunRecord& run : experiment.runs) {
      if (run.config_id == configuration.config_id) runs_.push_back(&run);
    }
    std::stable_sort(runs_.begin(), runs_.end(),
                     [](const RunRecord* a, const RunRecord* b) { return a->rep_id < b->rep_id; });
    for (const RunRecord* run : runs_) unique_ids_ &= ids_.insert(run->rep_id).second;
    bits_ = Classes(
        runs_, [](const RunRecord& run) { return run.stored(); }, SameBits);
    digests_ = Classes(
        runs_, [](const RunRecord& run) { return !run.signals_sha256.empty(); },
        [](const RunRecord& a, const RunRecord& b) {
          return a.signals_sha256 == b.signals_sha256;
        });
    result_.config_id = configuration.config_id;
    result_.declared = configuration.reproducible;
  }

  Reproducibility Check() {
    result_.repetitions = static_cast<int64_t>(runs_.size());
    for (const RunRecord* run : runs_) {
      if (!run->stored()) continue;
      ++result_.stored_repetitions;
      if (result_.compared_run == nullptr) result_.compared_run = run;
    }
    Decide();
    const size_t paired = std::min(runs_.size(), kMostPairedRepetitions);
    for (size_t i = 0; i < paired; ++i) {
      for (size_t j = i + 1; j < paired; ++j) result_.pairs.push_back(Pair(i, j));
    }
    return std::move(result_);
  }

 private:
  std::optional<bool> Equal(size_t i, size_t j) const {
    if (bits_[i] >= 0 && bits_[j] >= 0) return bits_[i] == bits_[j];
    if (digests_[i] >= 0 && digests_[j] >= 0) return digests_[i] == digests_[j];
    return std::nullopt;
  }

  // Every repetition must be tied to another by equality, all of them in one piece.
  void Decide() {
    if (runs_.size() < 2) {
      Note(runs_.empty() ? "no repetition" : "one repetition: not verifiable");
      return;
    }
    std::vector<bool> tied(runs_.size(), false);
    std::vector<size_t> queue = {0};
    tied[0] = true;
    for (size_t next = 0; next < queue.size(); ++next) {
      for (size_t j = 0; j < runs_.size(); ++j) {
        const std::optional<bool> equal = Equal(queue[next], j);
        if (equal == std::optional<bool>(false)) return NotReproducible(queue[next], j);
        if (!equal.has_value() || tied[j]) continue;
        tied[j] = true;
        queue.push_back(j);
      }
    }
    // What is not tied to the first may still differ within itself.
    for (size_t i = 0; i < runs_.size(); ++i) {
      for (size_t j = i + 1; j < runs_.size() && !tied[i]; ++j) {
        if (Equal(i, j) == std::optional<bool>(false)) return NotReproducible(i, j);
      }
    }
    if (queue.size() == runs_.size()) {
      result_.reproducible = true;
      if (*std::max_element(digests_.begin(), digests_.end()) > 0) {
        Note("the stored signals agree, but the recorded digests do not");
      }
    } else {
      Note("repetitions without signals or digests: not verifiable");
    }
  }

  void NotReproducible(size_t i, size_t j) {
    result_.reproducible = false;
    const bool stored = bits_[i] >= 0 && bits_[j] >= 0;
    Note(absl::StrCat(
        "not reproducible: ", PairName(i, j), ": ",
        stored ? FirstDifference(*runs_[i], *runs_[j]).value_or("") : "other digests"));
  }

  std::string PairName(size_t i, size_t j) const {
    const auto id = [this](size_t index) {
      return unique_ids_ ? runs_[index]->rep_id : static_cast<int64_t>(index);
    };
    return absl::StrCat("rep", id(i), "_vs_rep", id(j));
  }

  RepetitionPair Pair(size_t i, size_t j) const {
    RepetitionPair pair{PairName(i, j), Equal(i, j), std::nullopt};
    if (bits_[i] >= 0 && bits_[j] >= 0) {
      const RunComparison comparison = CompareRuns(*runs_[i], *runs_[j], {headline_}, forced_);
      const DistanceSummary& l2 = comparison.signals.at(headline_).l2;
      if (l2.n > 0) pair.l2 = l2.mean;
    } else if (pair.equal == std::optional<bool>(true)) {
      pair.l2 = 0;
    }
    return pair;
  }

  void Note(const std::string& text) {
    absl::StrAppend(&result_.note, result_.note.empty() ? "" : "; ", text);
  }

  const SignalId headline_;
  const bool forced_;
  std::vector<const RunRecord*> runs_;  // by rep_id
  std::set<int64_t> ids_;
  bool unique_ids_ = true;
  std::vector<int> bits_;     // runs of one class have the same bits; -1: not stored
  std::vector<int> digests_;  // runs of one class have the same digest; -1: none
  Reproducibility result_;
};

}  // namespace

Reproducibility CheckReproducibility(const Experiment& experiment,
                                     const Configuration& configuration, const SignalId& headline) {
  return Checker(experiment, configuration, headline).Check();
}

}  // namespace forensics::analyzer
