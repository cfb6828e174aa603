#include "analyzer/report/pair_tables.h"

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "analyzer/reading/number_text.h"
#include "analyzer/report/divergence_report.h"
#include "analyzer/report/named_pairs.h"
#include "analyzer/report/table.h"
#include "analyzer/report/tidy_table.h"

namespace forensics::analyzer {
namespace {

using Cells = std::vector<std::string>;

// A tab-separated table of PairColumns and `columns`; `add` adds the lines of a pair that has a
// comparison.
std::string OfPairs(const Reports& reports, const Cells& columns,
                    absl::FunctionRef<void(const ConfigurationPair&, const Cells&, Table&)> add) {
  Table table(Separator::kTab, Joined(PairColumns(), columns));
  for (const ExperimentReport& report : reports) {
    ForEachPair(report, [&](const ConfigurationPair& pair, const Cells& names) {
      if (pair.comparison.has_value()) add(pair, names, table);
    });
  }
  return table.text();
}

// Calls `use` with each comparison with a noise.
void ForEachNoise(const ConfigurationPair& pair,
                  absl::FunctionRef<void(const Cells& names, const NoiseComparison&)> use) {
  for (const auto& [id, uncertainty] : pair.uncertainty) {
    if (uncertainty.by_mean.has_value()) use({SignalName(id), "mean"}, *uncertainty.by_mean);
    if (uncertainty.by_baseline.has_value()) {
      use({SignalName(id), "at_baseline_value"}, *uncertainty.by_baseline);
    }
  }
}

Cells TokenCells(const Step& step) {
  return {WholeCell(step.token_id), step.token_text.value_or("")};
}

Cells VerdictCells(const ConfigurationPair& pair, const SignalId& id) {
  const auto found = pair.verdicts.find(id);
  if (found == pair.verdicts.end()) return Cells(4);
  const auto& [by_mean, by_baseline] = found->second;
  return {NumberCell(by_mean.snr), DetectabilityName(by_mean.detectability),
          NumberCell(by_baseline.snr), DetectabilityName(by_baseline.detectability)};
}

}  // namespace

std::string PairTable(const Reports& reports) {
  const Cells columns = {"same_prompt",          "steps_compared",       "steps_left_out",
                         "steps_missing",        "first_fed_difference", "first_unknown_token",
                         "divergent_token_step", "token_id_a",           "token_text_a",
                         "token_id_b",           "token_text_b"};
  return OfPairs(reports, columns, [](const ConfigurationPair& pair, const Cells& names, Table& t) {
    const Contexts& contexts = pair.comparison->contexts;
    const auto missing = contexts.missing_in_a.size() + contexts.missing_in_b.size();
    const Cells cells = Joined(
        names, {TruthCell(contexts.same_prompt), absl::StrCat(contexts.comparable_steps.size()),
                WholeCell(contexts.steps_left_out), absl::StrCat(missing),
                WholeCell(contexts.first_fed_difference), WholeCell(contexts.first_unknown_token)});
    const auto& token = pair.comparison->first_divergent_token;
    t.Add(Joined(cells, !token.has_value()
                            ? Cells(5)
                            : Joined({WholeCell(token->step)},
                                     Joined(TokenCells(token->a), TokenCells(token->b)))));
  });
}

std::string SignalTable(const Reports& reports) {
  const Cells columns = {"signal",
                         "n",
                         "l2_mean",
                         "l2_min",
                         "l2_max",
                         "snr",
                         "detectability",
                         "snr_at_baseline_value",
                         "detectability_at_baseline_value",
                         "bit_identical",
                         "missing",
                         "unequal_length",
                         "not_finite",
                         "no_common_id",
                         "unmatched_ids"};
  return OfPairs(reports, columns, [](const ConfigurationPair& pair, const Cells& names, Table& t) {
    for (const auto& [id, signal] : pair.comparison->signals) {
      Cells cells = Joined(names, {SignalName(id), WholeCell(signal.l2.n)});
      cells = Joined(cells, DistanceCells(signal.l2));
      cells = Joined(cells, VerdictCells(pair, id));
      const LeftOut& out = signal.left_out;
      t.Add(Joined(cells, {TruthCell(signal.agreement.identical()), WholeCell(out.missing),
                           WholeCell(out.unequal_length), WholeCell(out.not_finite),
                           WholeCell(out.no_common_id), WholeCell(signal.unmatched_ids)}));
    }
  });
}

std::string PositionTable(const Reports& reports) {
  const Cells columns = {"signal", "position", "phase", "l2", "relative_l2"};
  return OfPairs(reports, columns, [](const ConfigurationPair& pair, const Cells& names, Table& t) {
    for (const auto& [id, signal] : pair.comparison->signals) {
      for (const PositionDistance& position : signal.positions) {
        const Phase phase =
            InPhase(position.computed, Phase::kPrefill) ? Phase::kPrefill : Phase::kDecode;
        t.Add(Joined(names, {SignalName(id), WholeCell(position.computed), PhaseName(phase),
                             NumberText(position.l2), NumberCell(position.relative_l2)}));
      }
    }
  });
}

std::string DivergenceTable(const Reports& reports) {
  const Cells columns = {
      "signal", "first_of_pair", "position", "step", "window",       "phase", "element", "a",
      "b",      "a_bits",        "b_bits",   "ulps", "number_format"};
  return OfPairs(reports, columns, [](const ConfigurationPair& pair, const Cells& names, Table& t) {
    const std::optional<Divergence> first = pair.comparison->FirstDivergence();
    for (const auto& [id, signal] : pair.comparison->signals) {
      if (!signal.first_divergence.has_value()) continue;
      const auto& [at, changed] = *signal.first_divergence;
      const NumberFormat format = signal.in(Phase::kAll).ulps.format;
      t.Add(Joined(names, {SignalName(id), TruthCell(first->signal == id), WholeCell(at.Computed()),
                           WholeCell(at.step), absl::StrCat("pos_", at.position),
                           PhaseName(at.InPrefill() ? Phase::kPrefill : Phase::kDecode),
                           WholeCell(changed.element), NumberText(changed.a), NumberText(changed.b),
                           HexadecimalBits(changed.a), HexadecimalBits(changed.b),
                           WholeCell(UlpsOf(changed, format)), NumberFormatName(format)}));
    }
  });
}

std::string AgainstNoiseTable(const Reports& reports) {
  const Cells columns = {"signal",  "noise",    "positions",       "snr",
                         "snr_low", "snr_high", "interval_reason", "p_value",
                         "p_holm",  "auc",      "tokens_needed"};
  return OfPairs(reports, columns, [](const ConfigurationPair& pair, const Cells& names, Table& t) {
    ForEachNoise(pair, [&](const Cells& noise, const NoiseComparison& against) {
      Cells cells =
          Joined(Joined(names, noise), {WholeCell(against.positions), NumberCell(against.snr)});
      cells = Joined(cells, IntervalCells(against.snr_interval));
      t.Add(Joined(
          cells, {against.interval_reason, NumberCell(against.p_value), NumberCell(against.p_holm),
                  NumberCell(against.roc.auc), WholeCell(against.tokens_needed)}));
    });
  });
}

std::string RocTable(const Reports& reports) {
  const Cells columns = {"signal", "noise", "false_positive_rate", "true_positive_rate"};
  return OfPairs(reports, columns, [](const ConfigurationPair& pair, const Cells& names, Table& t) {
    ForEachNoise(pair, [&](const Cells& noise, const NoiseComparison& against) {
      for (const RocPoint& point : against.roc.curve) {
        t.Add(Joined(Joined(names, noise), {NumberText(point.false_positive_rate),
                                            NumberText(point.true_positive_rate)}));
      }
    });
  });
}

std::string DifferenceTable(const Reports& reports) {
  return OfPairs(
      reports, {"name", "a", "b"}, [](const ConfigurationPair& pair, const Cells& names, Table& t) {
        for (const OtherDifference& difference : pair.other_differences) {
          t.Add(Joined(names, {difference.name, difference.baseline, difference.variant}));
        }
      });
}

}  // namespace forensics::analyzer
