#include "analyzer/analysis/caveats.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "analyzer/analysis/hardware.h"
#include "analyzer/analysis/snr_disagreement.h"
#include "analyzer/analysis/undefined_reason.h"
#include "analyzer/statistics/autoregression.h"
#include "analyzer/statistics/holm.h"

namespace forensics::analyzer {
namespace {

// config_ids that a sentence names; of more, the number.
constexpr size_t kMostNames = 6;

std::string Names(const std::set<std::string>& config_ids) {
  if (config_ids.size() <= kMostNames) return absl::StrJoin(config_ids, ", ");
  const std::vector<std::string> first(config_ids.begin(),
                                       std::next(config_ids.begin(), kMostNames));
  return absl::StrCat(absl::StrJoin(first, ", "), " and ", config_ids.size() - kMostNames, " more");
}

// Those within a hardware and those that make up the noise: what the verdict rests on.
std::vector<const ConfigurationPair*> PairsOfVerdict(const ExperimentReport& report) {
  std::vector<const ConfigurationPair*> pairs = report.PairsWithin();
  const std::vector<const ConfigurationPair*> across = report.PairsAcross();
  pairs.insert(pairs.end(), across.begin(), across.end());
  return pairs;
}

using List = std::vector<Caveat>;

void AddUndefined(const ExperimentReport& report, List& caveats) {
  const std::optional<UndefinedReason> undefined = FindUndefinedReason(report);
  if (!undefined.has_value()) return;
  caveats.push_back({undefined->kind, absl::StrCat("Undefined: ", undefined->text)});
}

// Where some variants have a distance, the summary is silently theirs.
void AddVariantsWithoutDistance(const ExperimentReport& report, List& caveats) {
  std::vector<const ConfigurationPair*> lacking;
  std::set<std::string> lacking_names, others;
  for (const ConfigurationPair* pair : report.PairsWithin()) {
    if (pair->MeanL2(report.headline).has_value()) {
      others.insert(pair->b->config_id);
      continue;
    }
    lacking.push_back(pair);
    lacking_names.insert(pair->b->config_id);
  }
  if (lacking.empty() || others.empty()) return;
  caveats.push_back(
      {"variant_without_distance",
       absl::StrCat(Names(lacking_names), ": no distance (", WhyNoDistance(report, lacking),
                    "), so the class rests on ", Names(others), " alone")});
}

void AddUnreadFiles(const ExperimentReport& report, List& caveats) {
  for (const std::string& message : report.unread_files) {
    caveats.push_back(
        {"unread_file", absl::StrCat("not in this report, nor in p_holm: ", message)});
  }
}

void AddReproducibility(const ExperimentReport& report, List& caveats) {
  std::set<std::string> flagged;
  std::map<std::string, std::vector<std::string>> not_verifiable;  // by cause
  for (const Reproducibility& checked : report.reproducibility) {
    if (checked.flagged()) flagged.insert(checked.config_id);
    if (checked.reproducible.has_value() || checked.repetitions == 0) continue;
    not_verifiable[checked.note].push_back(checked.config_id);
  }
  if (!flagged.empty()) {
    caveats.push_back({"not_reproducible",
                       absl::StrCat(Names(flagged),
                                    ": repetitions differ, so a distance may be of the repetition "
                                    "instead of the variable")});
  }
  for (const auto& [cause, ids] : not_verifiable) {
    caveats.push_back({"not_verifiable", absl::StrCat(absl::StrJoin(ids, ", "), ": ", cause)});
  }
}

// The distance between a GPU and its own emulation says whether the emulation is right, nothing of
// hardware; one between two GPUs of which an emulation stands for one is only as good as that.
void AddEmulations(const ExperimentReport& report, List& caveats) {
  const std::vector<WithinHardware>& hardware = report.within_hardware;
  for (auto a = hardware.begin(); a != hardware.end(); ++a) {
    for (auto b = std::next(a); b != hardware.end(); ++b) {
      if (!IsOwnEmulation(a->hardware, b->hardware)) continue;
      caveats.push_back(
          {"own_emulation",
           absl::StrCat(
               a->hardware, " and ", b->hardware,
               ": the arithmetic of one GPU, no two hardware, so that their distance is "
               "not in the baseline L2; the identity classes say where their bits agree")});
    }
  }
  for (const CrossHardwareBaseline& cross : report.cross_hardware_baseline) {
    if (cross.pairs.empty()) continue;
    std::set<std::string> emulated;
    for (const std::string& side : {cross.hardware_a, cross.hardware_b}) {
      if (EmulatedGpu(side).has_value()) emulated.insert(side);
    }
    if (emulated.empty()) continue;
    caveats.push_back(
        {"emulated_hardware",
         absl::StrCat("the baseline's ", cross.hardware_a, " against ", cross.hardware_b, ": ",
                      emulated.size() == 2 ? "both sides are" : *emulated.begin() + " is",
                      " computed by an emulation on a CPU, as good as the emulation is; run times "
                      "are the CPU's")});
  }
}

void AddConfounding(const ExperimentReport& report, List& caveats) {
  for (const std::string& line : report.confounding) caveats.push_back({"confounded", line});
}

void AddDisagreeingNoises(const ExperimentReport& report, List& caveats) {
  const SignalVerdict verdict{report.summary.by_mean, report.summary.by_baseline};
  if (!verdict.classes_differ()) return;
  caveats.push_back(
      {"classes_differ",
       absl::StrFormat("against the noise at the baseline value alone the class is %s instead of "
                       "%s: the values do not differ alike between hardware",
                       DetectabilityName(verdict.by_baseline.detectability),
                       DetectabilityName(verdict.by_mean.detectability))});
}

// Without noise there is no measure of size.
void AddZeroNoise(const ExperimentReport& report, List& caveats) {
  const auto noise = report.noise.find(report.headline);
  if (noise == report.noise.end() || noise->second.mean != std::optional<double>(0)) return;
  std::set<std::string> above;
  for (const ConfigurationPair* pair : report.PairsWithin()) {
    if (pair->MeanL2(report.headline).value_or(0) > 0) above.insert(pair->b->config_id);
  }
  if (above.empty()) return;
  caveats.push_back({"zero_noise", absl::StrCat(Names(above),
                                                ": a change of hardware leaves no distance in the "
                                                "headline signal, so that any distance at all is "
                                                "above it, the last bit of one element, too")});
}

void AddDisagreeingSnrs(const ExperimentReport& report, List& caveats) {
  for (const ConfigurationPair* pair : report.PairsWithin()) {
    const std::optional<std::string> text = SnrDisagreement(report, *pair);
    if (!text.has_value()) continue;
    caveats.push_back({"snr_by_position", absl::StrCat(pair->b->config_id, ": ", *text)});
  }
}

// A distance of 0 is not yet the same bits: -0.0 is not 0.0, and other signals may differ.
void AddZeroDistances(const ExperimentReport& report, List& caveats) {
  std::set<std::string> zero;
  for (const ConfigurationPair* pair : report.PairsWithin()) {
    if (pair->MeanL2(report.headline) == std::optional<double>(0) && !pair->identical()) {
      zero.insert(pair->b->config_id);
    }
  }
  if (zero.empty()) return;
  caveats.push_back({"distance_zero", absl::StrCat(Names(zero),
                                                   ": a distance of 0 in the headline signal, but "
                                                   "not identical: other bits, other signals or "
                                                   "what is left out")});
}

// Interval and test take a trend over positions differently: to the test it may be slow wandering.
void AddDisagreeingTests(const ExperimentReport& report, List& caveats) {
  std::set<std::string> disagreeing;
  for (const ConfigurationPair* pair : report.PairsWithin()) {
    const auto found = pair->uncertainty.find(report.headline);
    if (found == pair->uncertainty.end() || !found->second.by_mean.has_value()) continue;
    const NoiseComparison& against = *found->second.by_mean;
    if (against.snr_interval.has_value() && against.snr_interval->low > 1 &&
        against.adjusted_p().value_or(0) >= kSignificance) {
      disagreeing.insert(pair->b->config_id);
    }
  }
  if (disagreeing.empty()) return;
  caveats.push_back(
      {"interval_without_test",
       absl::StrFormat("%s: the interval of the SNR lies above 1, but the test does not show it (p "
                       ">= %g): it has little power where distances follow a trend over positions "
                       "or are few, so the excess is neither shown nor refuted",
                       Names(disagreeing), kSignificance)});
}

void AddFewPositions(const ExperimentReport& report, List& caveats) {
  std::set<std::string> few;
  for (const ConfigurationPair* pair : report.PairsWithin()) {
    if (!pair->comparison.has_value()) continue;
    const auto headline = pair->comparison->signals.find(report.headline);
    if (headline == pair->comparison->signals.end()) continue;
    if (headline->second.positions.size() < kShortestSequence) {
      few.insert(pair->b->config_id);
    }
  }
  if (few.empty()) return;
  caveats.push_back(
      {"few_positions", absl::StrFormat("%s: fewer than %u distinct positions that both "
                                        "runs have under the same step and pos_, so "
                                        "no interval and no test",
                                        Names(few), kShortestSequence)});
}

void AddDecoding(const ExperimentReport& report, List& caveats) {
  std::set<std::string> forced, parted;
  int64_t left_out = 0;
  for (const ConfigurationPair* pair : PairsOfVerdict(report)) {
    if (!pair->comparison.has_value()) continue;
    for (const Configuration* configuration : {pair->a, pair->b}) {
      if (configuration->forced) forced.insert(configuration->config_id);
    }
    if (pair->comparison->contexts.steps_left_out == 0) continue;
    left_out += pair->comparison->contexts.steps_left_out;
    parted.insert({pair->a->config_id, pair->b->config_id});
  }
  if (!forced.empty()) {
    caveats.push_back({"forced_decoding",
                       absl::StrCat(Names(forced),
                                    ": fed the reference's tokens, so that all saw one context; "
                                    "what other tokens would have changed is not in a distance")});
  }
  if (left_out > 0) {
    caveats.push_back({"contexts_part", absl::StrCat(left_out, left_out == 1 ? " step" : " steps",
                                                     " behind tokens that differ or are not known "
                                                     "left out, of pairs of ",
                                                     Names(parted))});
  }
}

void AddLeftOut(const ExperimentReport& report, List& caveats) {
  int64_t unmatched = 0, not_finite = 0, unequal = 0;
  std::set<std::string> with_unmatched, with_not_finite, with_unequal;
  for (const ConfigurationPair* pair : PairsOfVerdict(report)) {
    if (!pair->comparison.has_value()) continue;
    for (const auto& [id, signal] : pair->comparison->signals) {
      unmatched += signal.unmatched_ids;
      not_finite += signal.left_out.not_finite;
      unequal += signal.left_out.unequal_length;
      if (signal.left_out.unequal_length > 0) with_unequal.insert(pair->b->config_id);
      if (signal.unmatched_ids > 0) with_unmatched.insert(pair->b->config_id);
      if (signal.left_out.not_finite > 0) with_not_finite.insert(pair->b->config_id);
    }
  }
  if (unequal > 0) {
    caveats.push_back({"unequal_length",
                       absl::StrCat(unequal, unequal == 1 ? " vector" : " vectors",
                                    " of another length than the counterpart, or lists of "
                                    "log-probs without one value an id, left out, in pairs with ",
                                    Names(with_unequal))});
  }
  if (unmatched > 0) {
    caveats.push_back(
        {"unmatched_ids", absl::StrCat(unmatched, unmatched == 1 ? " token id" : " token ids",
                                       " in one list of log-probs alone, counting for nothing, in "
                                       "pairs with ",
                                       Names(with_unmatched))});
  }
  if (not_finite > 0) {
    caveats.push_back(
        {"not_finite", absl::StrCat(not_finite, not_finite == 1 ? " vector" : " vectors",
                                    " with a NaN or an infinity left out, in pairs "
                                    "with ",
                                    Names(with_not_finite))});
  }
}

void AddGaps(const ExperimentReport& report, List& caveats) {
  if (report.gaps.empty()) return;
  caveats.push_back(
      {"gaps", absl::StrCat(report.gaps.size(), report.gaps.size() == 1 ? " gap" : " gaps",
                            " in the file, the first: ", report.gaps.front())});
}

}  // namespace

std::vector<Caveat> Caveats(const ExperimentReport& report) {
  List caveats;
  for (const auto add :
       {AddUndefined, AddVariantsWithoutDistance, AddUnreadFiles, AddReproducibility, AddEmulations,
        AddConfounding, AddDisagreeingNoises, AddZeroNoise, AddDisagreeingSnrs, AddZeroDistances,
        AddDisagreeingTests, AddFewPositions, AddDecoding, AddLeftOut, AddGaps}) {
    add(report, caveats);
  }
  return caveats;
}

}  // namespace forensics::analyzer
