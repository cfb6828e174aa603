// What an experiment file should hold by its own metadata, and does not.
#ifndef ANALYZER_ANALYSIS_GAPS_H_
#define ANALYZER_ANALYSIS_GAPS_H_

#include <set>
#include <string>
#include <vector>

#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

// The headline signal, stored or not, hidden states and keys of extraction_config's layers,
// log-probs, and whatever else a run stores.
std::set<SignalId> SignalsOf(const Experiment& experiment);

// Hidden states of the last layer that extraction_config lists or, where it lists none, of the
// highest layer stored; of layer 0 where there is none.
SignalId HeadlineSignal(const Experiment& experiment);

// Steps, signals, layers and positions that `run` lacks, a line each (not one a vector).
std::vector<std::string> MissingInRun(const Experiment& experiment, const RunRecord& run);

// Runs that belong to no configuration, and config_ids or rep_ids that stand twice.
std::vector<std::string> OddRuns(const Experiment& experiment);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_GAPS_H_
