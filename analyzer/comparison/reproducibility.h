// Whether the repetitions of a configuration agree bit for bit.
#ifndef ANALYZER_COMPARISON_REPRODUCIBILITY_H_
#define ANALYZER_COMPARISON_REPRODUCIBILITY_H_

#include <optional>
#include <string>
#include <vector>

#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

// Two repetitions.
struct RepetitionPair {
  std::string name;           // "rep0_vs_rep1"
  std::optional<bool> equal;  // none: neither signals nor digests to compare
  std::optional<double> l2;   // of the headline signal; 0 where equal digests prove it
};

struct Reproducibility {
  std::string config_id;
  int64_t repetitions = 0;
  int64_t stored_repetitions = 0;           // with signals, not a digest alone
  std::optional<bool> reproducible;         // none: not verifiable from this file
  std::optional<bool> declared;             // what the file itself says
  std::vector<RepetitionPair> pairs;        // of the first eight repetitions
  std::string note;                         // what a reader must know, empty if nothing
  const RunRecord* compared_run = nullptr;  // the lowest stored repetition, if any

  // To be pointed out wherever the configuration appears.
  bool flagged() const {
    return reproducible == std::optional<bool>(false) || declared == std::optional<bool>(false);
  }
};

// Judges the runs of `configuration`. Stored repetitions are compared bit for bit (-0.0 is not
// 0.0); one that has only a digest is compared by it. `experiment` outlives the result.
Reproducibility CheckReproducibility(const Experiment& experiment,
                                     const Configuration& configuration, const SignalId& headline);

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_REPRODUCIBILITY_H_
