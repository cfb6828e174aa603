#include "analyzer/attribution/attribution.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace forensics::analyzer {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

bool SamePlace(const Place& a, const Place& b) {
  return a.file == b.file && a.config_id == b.config_id;
}

// The part of the library that an unknown run is held against.
struct View {
  std::vector<RankedConfiguration> configurations;
  std::vector<Labels> labels;
  PairDistances distances;
};

View ViewOf(const Library& library, size_t unknown) {
  View view;
  const std::vector<Labels> labels = library.labels();
  std::vector<size_t> taken;
  for (size_t i = 0; i < library.known().size(); ++i) {
    RankedConfiguration entry;
    std::vector<Place> places = library.known()[i].places;
    places.erase(std::remove_if(places.begin(), places.end(),
                                [&](const Place& place) {
                                  return SamePlace(place, library.unknowns()[unknown].place);
                                }),
                 places.end());
    if (places.empty()) continue;
    entry.place = places.front();
    entry.copies.assign(places.begin() + 1, places.end());
    entry.labels = labels[i];
    entry.observation = library.observations(unknown)[i];
    view.configurations.push_back(std::move(entry));
    view.labels.push_back(labels[i]);
    std::vector<RunDistance>& row = view.distances.emplace_back();
    for (const size_t j : taken) row.push_back(library.distances()[i][j]);
    taken.push_back(i);
  }
  return view;
}

bool HasHardwareNoise(const View& view) {
  for (size_t i = 0; i < view.labels.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (view.labels[i].value != view.labels[j].value ||
          view.labels[i].hardware == view.labels[j].hardware) {
        continue;
      }
      for (const auto& [signal, found] : view.distances[i][j].signals) {
        if (found.mean_l2 > 0) return true;
      }
    }
  }
  return false;
}

// The scales of the library or, if it has no distances, 1 for each signal of the observations.
NoiseScales ScalesFor(const View& view, DistanceUnit& unit) {
  NoiseScales scales = NoiseScalesOf(view.labels, view.distances);
  unit = HasHardwareNoise(view) ? DistanceUnit::kHardwareNoise : DistanceUnit::kLibraryDistance;
  if (!scales.empty()) return scales;
  unit = DistanceUnit::kL2;
  for (const RankedConfiguration& entry : view.configurations) {
    for (const auto& [signal, found] : entry.observation.distance.signals) scales[signal] = 1;
  }
  return scales;
}

std::string Described(const RankedConfiguration& entry) {
  return absl::StrCat(entry.place.config_id, " (", entry.labels.value, " on ",
                      entry.labels.hardware, ")");
}

int64_t PositionsOf(const RunDistance& distance) {
  int64_t positions = 0;
  for (const auto& [signal, found] : distance.signals) positions += found.compared;
  return positions;
}

// Why positions are not compared.
std::string CausesText(const NotCompared& rest) {
  std::vector<std::string> causes;
  if (rest.other_length > 0) {
    causes.push_back(absl::StrCat(rest.other_length, " have other lengths or token ids"));
  }
  if (rest.other_context > 0) {
    causes.push_back(
        absl::StrCat(rest.other_context, " lie behind tokens that differ or are not known"));
  }
  if (rest.one_sided > 0) causes.push_back(absl::StrCat(rest.one_sided, " one run alone has"));
  return absl::StrJoin(causes, ", ");
}

// "all 40 positions of 5 signals are identical", or how many, and why not all.
std::string SameBitsText(const RunDistance& distance) {
  const NotCompared& rest = distance.not_compared;
  const int64_t compared = PositionsOf(distance);
  const size_t count = distance.signals.size();
  const std::string signals = absl::StrCat(count, count == 1 ? " signal" : " signals");
  if (rest.total() == 0) {
    return absl::StrFormat("all %d positions of %s are identical", compared, signals);
  }
  return absl::StrFormat(
      "%d of %d positions are identical, of %s; the rest is not comparable, because %s", compared,
      compared + rest.total(), signals, CausesText(rest));
}

std::string IdenticalVerdict(const Attribution& attribution) {
  std::vector<std::string> names;
  const RunDistance* most = nullptr;
  for (const RankedConfiguration& entry : attribution.ranked) {
    const RunDistance& distance = entry.observation.distance;
    if (!distance.identical()) break;
    names.push_back(Described(entry));
    if (most == nullptr || PositionsOf(distance) > PositionsOf(*most)) most = &distance;
  }
  return absl::StrFormat(
      "Bit for bit %s%s%s: %s. It is that, or something outside the library that leaves the same "
      "bits.",
      names.size() > 1 ? "one of {" : "", absl::StrJoin(names, ", "), names.size() > 1 ? "}" : "",
      SameBitsText(*most));
}

// Why the nearest is not identical though all that is compared has the same bits; else empty.
std::string AlmostIdentical(const RunDistance& distance) {
  const int64_t signals = static_cast<int64_t>(distance.signals.size());
  if (distance.identical() || distance.identical_signals() != signals) return "";
  std::string text = absl::StrCat(" Of it, ", SameBitsText(distance));
  if (distance.first_other_token.has_value()) {
    absl::StrAppend(&text, "; another token is chosen at step ", *distance.first_other_token);
  }
  return text + ".";
}

std::string UnitText(DistanceUnit unit) {
  switch (unit) {
    case DistanceUnit::kHardwareNoise:
      return " times the hardware noise";
    case DistanceUnit::kLibraryDistance:
      return " times the library's mean distance";
    case DistanceUnit::kL2:
      return " (L2)";
  }
  return "";
}

std::string AnswerText(const char* asked, const Answer& answer) {
  const std::optional<double> confidence = answer.confidence();
  if (!confidence.has_value()) {
    return absl::StrCat(
        asked, " undecided",
        answer.none_of_these.has_value() ? "" : " (the library has no two to tell)");
  }
  return absl::StrFormat("%s %s with probability %.2f", asked, answer.text(), *confidence);
}

// The same software on the same hardware leaves the same bits: what the setup's known runs rule
// out.
std::string RuledOut(const Attribution& attribution) {
  const std::string setup = attribution.value.text();
  std::set<std::string> hardware;
  for (const RankedConfiguration& entry : attribution.ranked) {
    if (entry.labels.value == setup && entry.distance.has_value()) {
      hardware.insert(entry.labels.hardware);
    }
  }
  if (hardware.empty()) return "";
  return absl::StrFormat(
      " If it was %s, it ran on other hardware or software than the library's on %s: its bits or "
      "tokens are others.",
      setup, absl::StrJoin(hardware, ", "));
}

std::string NearestVerdict(const Attribution& attribution) {
  const RankedConfiguration& nearest = attribution.ranked.front();
  return absl::StrFormat(
      "No known configuration has these bits. Nearest: %s at %.3g%s.%s %s; %s.%s",
      Described(nearest), nearest.distance.value_or(0), UnitText(attribution.unit),
      AlmostIdentical(nearest.observation.distance), AnswerText("Setup:", attribution.value),
      AnswerText("hardware:", attribution.hardware), RuledOut(attribution));
}

std::string NotComparableVerdict(const Attribution& attribution) {
  if (attribution.ranked.empty()) return "Nothing to compare with: the library is empty.";
  const bool other_prompts =
      std::all_of(attribution.ranked.begin(), attribution.ranked.end(),
                  [](const auto& entry) { return !entry.observation.distance.same_prompt; });
  for (const RankedConfiguration& entry : attribution.ranked) {
    const RunDistance& distance = entry.observation.distance;
    if (!distance.comparable()) continue;
    const int64_t rest = distance.not_compared.total();
    return absl::StrFormat(
        "What is comparable (%d of %d positions) has no distance in the library, or no finite one, "
        "and tells nothing%s%s.",
        PositionsOf(distance), PositionsOf(distance) + rest, rest > 0 ? "; of the rest " : "",
        CausesText(distance.not_compared));
  }
  return other_prompts
             ? "Nothing is comparable: all known configurations had other prompts."
             : "Nothing is comparable: no known configuration has a vector of the same signal and "
               "length under the same step and pos_, in the same context.";
}

void Judge(Attribution& attribution) {
  if (attribution.ranked.empty() || !attribution.ranked.front().distance.has_value()) {
    attribution.outcome = Outcome::kNotComparable;
    attribution.verdict = NotComparableVerdict(attribution);
  } else if (attribution.ranked.front().observation.distance.identical()) {
    attribution.outcome = Outcome::kIdentical;
    attribution.verdict = IdenticalVerdict(attribution);
  } else {
    const std::string setup = attribution.value.text();
    attribution.outcome = setup == kNoneOfThese ? Outcome::kNoneOfThese
                          : setup == kUndecided ? Outcome::kUndecided
                                                : Outcome::kAttributed;
    attribution.verdict = NearestVerdict(attribution);
  }
}

auto Order(const RankedConfiguration& entry) {
  return std::make_tuple(!entry.observation.distance.identical(), !entry.distance.has_value(),
                         entry.distance.value_or(0));
}

}  // namespace

const char* OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kNotComparable:
      return "not_comparable";
    case Outcome::kIdentical:
      return "identical";
    case Outcome::kAttributed:
      return "attributed";
    case Outcome::kNoneOfThese:
      return "none_of_these";
    case Outcome::kUndecided:
      return "undecided";
  }
  return "";
}

Attribution AttributeRun(const Library& library, size_t unknown) {
  Attribution attribution;
  attribution.unknown = library.unknowns()[unknown].place;
  View view = ViewOf(library, unknown);
  const NoiseScales scales = ScalesFor(view, attribution.unit);
  Sighting sighting;
  sighting.log_distances.resize(static_cast<Eigen::Index>(view.configurations.size()));
  for (size_t i = 0; i < view.configurations.size(); ++i) {
    RankedConfiguration& entry = view.configurations[i];
    const RunDistance& distance = entry.observation.distance;
    const std::optional<double> log_distance =
        attribution.unit == DistanceUnit::kL2 ? LogL2(distance) : LogDistance(distance, scales);
    sighting.log_distances(static_cast<Eigen::Index>(i)) = log_distance.value_or(kNone);
    sighting.identical.push_back(distance.identical());
    if (distance.identical()) {
      entry.distance = 0;
    } else if (log_distance.has_value()) {
      entry.distance = std::exp(*log_distance);
    }
  }
  const Eigen::MatrixXd logs = LogDistances(view.distances, scales);
  const Question value = QuestionOfValue(view.labels, view.distances);
  const Question hardware = QuestionOfHardware(view.labels, view.distances);
  attribution.value = AnswerFor(value, logs, sighting);
  attribution.hardware = AnswerFor(hardware, logs, sighting);
  attribution.ranked = std::move(view.configurations);
  std::stable_sort(attribution.ranked.begin(), attribution.ranked.end(),
                   [](const auto& a, const auto& b) { return Order(a) < Order(b); });
  Judge(attribution);
  return attribution;
}

LeaveOneOut LeaveEachOut(const Library& library) {
  return LeaveEachOut(library.labels(), library.distances());
}

}  // namespace forensics::analyzer
