// Small experiments in memory whose distances are known by construction.
#ifndef ANALYZER_TESTING_BUILDERS_H_
#define ANALYZER_TESTING_BUILDERS_H_

#include <string>
#include <vector>

#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

inline constexpr SignalId kHidden1{SignalKind::kHiddenStates, 1};
inline constexpr SignalId kHidden2{SignalKind::kHiddenStates, 2};
inline constexpr SignalId kKeys1{SignalKind::kKeyVectors, 1};
inline constexpr SignalId kLogProbsId{SignalKind::kLogProbs, 0};

// A run of layers 1 and 2 with three positions a step. Two runs are apart, at every timepoint, by
// the difference of their offsets in hidden states (any layer) and log-probs, by half of it in
// keys. Token ids are 100 + step.
struct RunShape {
  float offset = 0;
  int steps = 3;
  int64_t rep_id = 0;
};

RunRecord MakeRun(const std::string& config_id, const RunShape& shape = {});

// Replaces one vector of a run.
void SetVector(RunRecord& run, const SignalId& signal, const Timepoint& at,
               std::vector<float> values);

Configuration MakeConfiguration(const std::string& config_id, const std::string& hardware,
                                const JsonScalar& value);

// An experiment without configurations: layers 1 and 2, positions -3..-1, three steps.
Experiment MakeExperiment(const std::string& type, const std::string& variable);

// Adds a configuration with one run.
void AddRun(Experiment& experiment, const std::string& config_id, const std::string& hardware,
            const JsonScalar& value, float offset);

// Two implementations of attention on an A100 and an H100: 8 and 8.25 apart; the hardware are 0.5
// and 0.75 apart.
Experiment MakeAttentionExperiment();

// Writes `text` to a new file of the test's own folder; returns its path.
std::string WriteTestFile(const std::string& name, const std::string& text);

}  // namespace forensics::analyzer

#endif  // ANALYZER_TESTING_BUILDERS_H_
