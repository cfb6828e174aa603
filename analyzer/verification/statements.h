// What two files state of a run beside its bits: a claim with equal bits may still be false.
#ifndef ANALYZER_VERIFICATION_STATEMENTS_H_
#define ANALYZER_VERIFICATION_STATEMENTS_H_

#include <string>
#include <vector>

#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

struct Statements {
  // What both state, and differently: "dtype: float16, recomputed with bfloat16".
  std::vector<std::string> contradictions;
  // What one of the two alone states: "dtype: not stated by the claim".
  std::vector<std::string> unchecked;
};

// Model, prompt length, extraction, fixed parameters, dtype, digests of model, prompt and fed
// tokens. What a GPU and its emulation differ in by nature (hardware, versions, kernels' names) is
// left out.
Statements CompareStatements(const Experiment& claimed, const Configuration& claim,
                             const Experiment& recomputed, const Configuration& recomputation);

// A repetition's prompt, and whether a digest of its signals is there to be checked.
void AddRunStatements(const RunRecord& claimed, const RunRecord& recomputed,
                      Statements& statements);

// Where the recomputation is not what it should be: an emulation of the claim's GPU.
std::vector<std::string> HardwareNotes(const std::string& claimed, const std::string& recomputed);

}  // namespace forensics::analyzer

#endif  // ANALYZER_VERIFICATION_STATEMENTS_H_
