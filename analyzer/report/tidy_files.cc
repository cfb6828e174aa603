#include "analyzer/report/tidy_files.h"

#include "analyzer/report/experiment_tables.h"
#include "analyzer/report/pair_tables.h"
#include "analyzer/report/tidy_table.h"

namespace forensics::analyzer {

const std::vector<TidyFile>& TidyFiles() {
  static const auto* const kFiles = new std::vector<TidyFile>{
      {"summary.tsv", SummaryRows},
      {"noise.tsv", NoiseTable},
      {"reproducibility.tsv", ReproducibilityTable},
      {"identity_classes.tsv", IdentityTable},
      {"run_times.tsv", RunTimeTable},
      {"warm_up.tsv", WarmUpTable},
      {"remarks.tsv", RemarkTable},
      {"pairs.tsv", PairTable},
      {"signals.tsv", SignalTable},
      {"phases.tsv",
       [](const std::vector<ExperimentReport>& reports) { return PhaseTable(reports); }},
      {"positions.tsv", PositionTable},
      {"divergence.tsv", DivergenceTable},
      {"against_noise.tsv", AgainstNoiseTable},
      {"roc.tsv", RocTable},
      {"differences.tsv", DifferenceTable},
  };
  return *kFiles;
}

}  // namespace forensics::analyzer
