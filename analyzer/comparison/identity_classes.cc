#include "analyzer/comparison/identity_classes.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "analyzer/comparison/bit_agreement.h"
#include "analyzer/comparison/contexts.h"
#include "analyzer/comparison/logprob_alignment.h"
#include "analyzer/parallel/parallel.h"

namespace forensics::analyzer {
namespace {

// The values of one run, by timepoint, as numbers that are equal where the bits are.
using ContentIds = std::vector<std::pair<Timepoint, size_t>>;

// What two runs show of one signal, in the prefill and in decode steps.
class Relation {
 public:
  void Note(const Timepoint& at, bool same) {
    Shown& shown = at.InPrefill() ? prefill_ : decode_;
    shown.compared = true;
    if (!same) shown.first_difference = std::min(shown.first_difference, at.Computed());
  }
  bool SameIn(Phase phase) const {
    const Shown shown = In(phase);
    return shown.compared && shown.first_difference == kNone;
  }
  std::optional<int64_t> FirstDifference(Phase phase) const {
    const Shown shown = In(phase);
    return shown.first_difference == kNone ? std::nullopt
                                           : std::optional<int64_t>(shown.first_difference);
  }

 private:
  static constexpr int64_t kNone = INT64_MAX;

  struct Shown {
    bool compared = false;
    int64_t first_difference = kNone;
  };

  Shown In(Phase phase) const {
    if (phase == Phase::kPrefill) return prefill_;
    if (phase == Phase::kDecode) return decode_;
    return {prefill_.compared || decode_.compared,
            std::min(prefill_.first_difference, decode_.first_difference)};
  }

  Shown prefill_;
  Shown decode_;
};

// Up to which step each two runs were fed the same tokens, for all signals.
class SharedContexts {
 public:
  explicit SharedContexts(const std::vector<ComparedRun>& runs) : ends_(runs.size()) {
    std::vector<std::function<void()>> tasks;
    for (size_t i = 0; i < runs.size(); ++i) {
      tasks.push_back([this, &runs, i] {
        for (size_t j = 0; j < i; ++j) ends_[i].push_back(EndOf(runs[i], runs[j]));
      });
    }
    RunOnAllCores(tasks);
  }

  // Contexts::comparable_end.
  int64_t End(size_t a, size_t b) const { return ends_[std::max(a, b)][std::min(a, b)]; }

 private:
  static int64_t EndOf(const ComparedRun& a, const ComparedRun& b) {
    if (a.run == nullptr || b.run == nullptr) return INT64_MIN;
    const bool same_reference =
        FedBySameReference(*a.configuration, *a.run, *b.configuration, *b.run);
    return CompareContexts(*a.run, *b.run, same_reference).comparable_end();
  }

  std::vector<std::vector<int64_t>> ends_;  // [i][j] for j < i
};

std::vector<ContentIds> NumberContents(const std::vector<ComparedRun>& runs,
                                       const SignalId& signal) {
  absl::flat_hash_map<absl::string_view, size_t> numbers;
  // A window repeats a position: its vector is looked at once.
  absl::flat_hash_map<const void*, size_t> known;
  std::vector<ContentIds> contents(runs.size());
  for (size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].run == nullptr) continue;
    const auto vectors = runs[i].run->vectors.find(signal);
    if (vectors == runs[i].run->vectors.end()) continue;
    for (const auto& [at, vector] : vectors->second) {
      const auto [number, is_new] = known.try_emplace(vector.get());
      if (is_new) {
        const absl::string_view bytes(reinterpret_cast<const char*>(vector->data()),
                                      vector->size() * sizeof(float));
        number->second = numbers.try_emplace(bytes, numbers.size()).first->second;
      }
      contents[i].emplace_back(at, number->second);
    }
  }
  return contents;
}

// Log-probs have no content of their own: which list stands for a run depends on the other's.
std::vector<ContentIds> NumberLogProbs(const std::vector<ComparedRun>& runs) {
  std::vector<ContentIds> contents(runs.size());
  for (size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].run == nullptr) continue;
    std::set<Timepoint> stored;
    for (const auto& [at, list] : runs[i].run->log_probs) stored.insert(at);
    for (const auto& [at, list] : runs[i].run->reference_log_probs) stored.insert(at);
    for (const Timepoint& at : stored) contents[i].emplace_back(at, i);
  }
  return contents;
}

// The lists of each of the run's timepoints in `contents`.
std::vector<StoredLogProbs> ListsAt(const ComparedRun& run, const ContentIds& contents) {
  std::vector<StoredLogProbs> lists;
  for (const auto& [at, content] : contents) lists.push_back(StoredAt(*run.run, at));
  return lists;
}

bool SameLogProbs(const StoredLogProbs& a, const StoredLogProbs& b) {
  // Most lists differ at the same ids: that is seen without aligning them.
  const bool own = a.reference == nullptr && b.reference == nullptr;
  if (own && a.own != nullptr && b.own != nullptr && a.own->token_ids == b.own->token_ids &&
      !EqualBits(a.own->values, b.own->values)) {
    return false;
  }
  const AlignedLogProbs aligned = Align(a, b);
  return !aligned.missing && !aligned.malformed && !aligned.a.empty() &&
         aligned.unmatched_ids == 0 && EqualBits(aligned.a, aligned.b);
}

class Classifier {
 public:
  Classifier(const std::vector<ComparedRun>& runs, const SharedContexts& contexts)
      : runs_(runs), contexts_(contexts) {}

  PhaseClasses Classify(const SignalId& signal) {
    contents_ = signal.kind == SignalKind::kLogProbs ? NumberLogProbs(runs_)
                                                     : NumberContents(runs_, signal);
    relations_.clear();
    lists_.clear();
    if (signal.kind == SignalKind::kLogProbs) {
      for (size_t i = 0; i < runs_.size(); ++i) lists_.push_back(ListsAt(runs_[i], contents_[i]));
    }
    PhaseClasses classes;
    for (const Phase phase : kPhases) {
      classes[static_cast<size_t>(phase)] = ClassifyPhase(signal, phase);
    }
    return classes;
  }

 private:
  IdentityClasses ClassifyPhase(const SignalId& signal, Phase phase) {
    IdentityClasses result;
    std::vector<std::vector<size_t>> classes;
    for (size_t i = 0; i < runs_.size(); ++i) {
      const bool is_stored = std::any_of(
          contents_[i].begin(), contents_[i].end(),
          [&](const auto& content) { return InPhase(content.first.Computed(), phase); });
      if (!is_stored) {
        result.not_stored.push_back(runs_[i].configuration);
        continue;
      }
      const auto joined = std::find_if(classes.begin(), classes.end(), [&](const auto& members) {
        return std::all_of(members.begin(), members.end(), [&](size_t member) {
          return RelationOf(signal, member, i).SameIn(phase);
        });
      });
      (joined == classes.end() ? classes.emplace_back() : *joined).push_back(i);
    }
    for (const std::vector<size_t>& members : classes) {
      std::vector<const Configuration*>& named = result.classes.emplace_back();
      for (const size_t member : members) named.push_back(runs_[member].configuration);
      const size_t first = classes.front().front();
      result.parted_at.push_back(
          members.front() == first
              ? std::nullopt
              : RelationOf(signal, first, members.front()).FirstDifference(phase));
    }
    return result;
  }

  Relation RelationOf(const SignalId& signal, size_t a, size_t b) {
    const auto [entry, is_new] = relations_.try_emplace({a, b});
    if (!is_new) return entry->second;
    const int64_t end = contexts_.End(a, b);
    const ContentIds& of_a = contents_[a];
    const ContentIds& of_b = contents_[b];
    size_t j = 0;
    for (size_t i = 0; i < of_a.size(); ++i) {
      const Timepoint& at = of_a[i].first;
      while (j < of_b.size() && of_b[j].first < at) ++j;
      if (j == of_b.size() || at.step >= end) break;
      if (!(of_b[j].first == at)) continue;
      entry->second.Note(at, signal.kind == SignalKind::kLogProbs
                                 ? SameLogProbs(lists_[a][i], lists_[b][j])
                                 : of_a[i].second == of_b[j].second);
    }
    return entry->second;
  }

  const std::vector<ComparedRun>& runs_;
  const SharedContexts& contexts_;
  std::vector<ContentIds> contents_;                                    // of the signal at hand
  std::vector<std::vector<StoredLogProbs>> lists_;                      // of log-probs
  absl::flat_hash_map<std::pair<size_t, size_t>, Relation> relations_;  // of the signal at hand
};

}  // namespace

std::map<SignalId, PhaseClasses> FindIdentityClasses(const std::vector<ComparedRun>& runs,
                                                     const std::set<SignalId>& signals) {
  std::map<SignalId, PhaseClasses> classes;
  const SharedContexts contexts(runs);
  std::vector<std::function<void()>> tasks;
  for (const SignalId& signal : signals) {
    PhaseClasses& result = classes[signal];
    tasks.push_back([&] { result = Classifier(runs, contexts).Classify(signal); });
  }
  // Log-probs, the last signal, take longest: begun last, they would keep one core alone.
  std::reverse(tasks.begin(), tasks.end());
  RunOnAllCores(tasks);
  return classes;
}

}  // namespace forensics::analyzer
