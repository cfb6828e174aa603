#include "analyzer/attribution/known_runs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "analyzer/attribution/mean.h"

namespace forensics::analyzer {
namespace {

// Each text's index in `names`, which become the texts in the order of first appearance.
std::vector<size_t> Numbered(const std::vector<std::string>& texts,
                             std::vector<std::string>& names) {
  std::map<std::string, size_t> numbers;
  std::vector<size_t> numbered;
  for (const std::string& text : texts) {
    const auto [entry, is_new] = numbers.try_emplace(text, numbers.size());
    if (is_new) names.push_back(text);
    numbered.push_back(entry->second);
  }
  return numbered;
}

// Runs by one of their two labels.
struct Grouping {
  std::vector<std::string> names;
  std::vector<size_t> of;  // each run's, an index of `names`
};

// For each group of `groups` the first group from which no bit tells it apart in any of `others`
// that has both.
std::vector<size_t> FirstIndistinguishable(const Grouping& groups, const Grouping& others,
                                           const PairDistances& distances) {
  const size_t n = groups.names.size();
  // 0: never seen in the same other group; 1: always identical there; 2: told apart.
  std::vector<std::vector<int>> seen(n, std::vector<int>(n, 0));
  for (size_t i = 0; i < groups.of.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (others.of[i] != others.of[j] || !distances[i][j].comparable()) continue;
      const auto [low, high] = std::minmax(groups.of[i], groups.of[j]);
      seen[high][low] = std::max(seen[high][low], distances[i][j].identical() ? 1 : 2);
    }
  }
  std::vector<size_t> first(n);
  std::iota(first.begin(), first.end(), 0);
  for (size_t group = 0; group < n; ++group) {
    for (size_t earlier = 0; earlier < group; ++earlier) {
      if (seen[group][earlier] != 1) continue;
      first[group] = first[earlier];
      break;
    }
  }
  return first;
}

// `groups` with those joined that no bit tells apart.
Grouping Merged(const Grouping& groups, const Grouping& others, const PairDistances& distances) {
  const std::vector<size_t> first = FirstIndistinguishable(groups, others, distances);
  Grouping merged;
  std::vector<size_t> place(first.size());
  for (size_t group = 0; group < first.size(); ++group) {
    if (first[group] == group) {
      place[group] = merged.names.size();
      merged.names.push_back(groups.names[group]);
    } else {
      place[group] = place[first[group]];
      absl::StrAppend(&merged.names[place[group]], ", ", groups.names[group]);
    }
  }
  for (const size_t group : groups.of) merged.of.push_back(place[group]);
  return merged;
}

Question Ask(const std::vector<std::string>& labels, const std::vector<std::string>& blocks,
             const PairDistances& distances) {
  Grouping label, block;
  label.of = Numbered(labels, label.names);
  block.of = Numbered(blocks, block.names);
  Grouping merged_labels = Merged(label, block, distances);
  Grouping merged_blocks = Merged(block, label, distances);
  if (merged_blocks.names.size() == 1) merged_blocks = std::move(block);
  return {std::move(merged_labels.names), std::move(merged_labels.of), std::move(merged_blocks.of),
          merged_blocks.names.size()};
}

std::pair<std::vector<std::string>, std::vector<std::string>> Split(
    absl::Span<const Labels> labels) {
  std::pair<std::vector<std::string>, std::vector<std::string>> split;
  for (const Labels& label : labels) {
    split.first.push_back(label.value);
    split.second.push_back(label.hardware);
  }
  return split;
}

}  // namespace

PairDistances DistancesBetween(absl::Span<const ComparedRun> runs) {
  // The vectors of one position in two groups of so many runs stay in a core's cache: with groups
  // of 16 fetching them again took as long as the pairs of a hundred runs, 0.18 s.
  constexpr size_t kGroup = 64;
  std::vector<std::vector<RunPair>> groups;
  std::vector<std::vector<RunDistance*>> places;  // of the pairs
  PairDistances distances(runs.size());
  for (size_t i = 0; i < runs.size(); ++i) distances[i].resize(i);
  for (size_t row = 0; row < runs.size(); row += kGroup) {
    for (size_t column = 0; column <= row; column += kGroup) {
      groups.emplace_back();
      places.emplace_back();
      for (size_t i = row; i < std::min(runs.size(), row + kGroup); ++i) {
        for (size_t j = column; j < std::min(i, column + kGroup); ++j) {
          groups.back().emplace_back(runs[i], runs[j]);
          places.back().push_back(&distances[i][j]);
        }
      }
    }
  }
  std::vector<std::vector<RunDistance>> found = DistancesOf(groups);
  for (size_t group = 0; group < found.size(); ++group) {
    for (size_t k = 0; k < found[group].size(); ++k) {
      *places[group][k] = std::move(found[group][k]);
    }
  }
  return distances;
}

NoiseScales NoiseScalesOf(absl::Span<const Labels> labels, const PairDistances& distances) {
  std::map<SignalId, Mean> noise, all;
  for (size_t i = 0; i < distances.size(); ++i) {
    for (size_t j = 0; j < distances[i].size(); ++j) {
      const bool is_noise =
          labels[i].value == labels[j].value && labels[i].hardware != labels[j].hardware;
      for (const auto& [signal, found] : distances[i][j].signals) {
        if (found.mean_l2 == 0) continue;
        all[signal].Add(std::log(found.mean_l2));
        if (is_noise) noise[signal].Add(std::log(found.mean_l2));
      }
    }
  }
  noise.insert(all.begin(), all.end());
  NoiseScales scales;
  for (const auto& [signal, mean] : noise) scales[signal] = std::exp(mean.value());
  return scales;
}

Eigen::MatrixXd LogDistances(const PairDistances& distances, const NoiseScales& scales) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const Eigen::Index n = static_cast<Eigen::Index>(distances.size());
  Eigen::MatrixXd logs = Eigen::MatrixXd::Constant(n, n, kNone);
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = 0; j < i; ++j) {
      const RunDistance& distance = distances[static_cast<size_t>(i)][static_cast<size_t>(j)];
      logs(i, j) = logs(j, i) = LogDistance(distance, scales).value_or(kNone);
    }
  }
  return logs;
}

Question QuestionOfValue(absl::Span<const Labels> labels, const PairDistances& distances) {
  const auto [values, hardware] = Split(labels);
  return Ask(values, hardware, distances);
}

Question QuestionOfHardware(absl::Span<const Labels> labels, const PairDistances& distances) {
  const auto [values, hardware] = Split(labels);
  return Ask(hardware, values, distances);
}

}  // namespace forensics::analyzer
