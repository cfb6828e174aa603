// Whether a claimed run was computed again: the same bits, or the first place where they part.
#ifndef ANALYZER_VERIFICATION_VERIFICATION_H_
#define ANALYZER_VERIFICATION_VERIFICATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "analyzer/reading/experiment.h"
#include "analyzer/verification/statements.h"

namespace forensics::analyzer {

enum class Verdict {
  kEqual,          // every value that either stores has the other's bits
  kParted,         // they part somewhere
  kContradicted,   // the same bits, but what the two files state of them differs
  kNotComparable,  // other prompts, or a repetition left nothing: no verdict about all bits
};

// "equal", "parted", "contradicted", "not comparable".
const char* VerdictName(Verdict verdict);

// A claimed configuration beside its recomputation.
struct Verification {
  const Configuration* claimed = nullptr;
  const Configuration* recomputed = nullptr;
  Verdict verdict = Verdict::kNotComparable;
  // kParted: the first place in the order of computation, with both values; kNotComparable: why.
  std::string reason;
  Statements statements;
  std::vector<std::string> notes;  // of the two hardware
  int64_t claimed_repetitions = 0;
  int64_t values = 0;   // compared, of one pair of repetitions
  int64_t vectors = 0;  // compared
  int64_t parted_vectors = 0;
};

struct VerifiedExperiment {
  std::vector<Verification> verifications;  // in the order of the claim
  std::vector<std::string> not_recomputed;  // claimed configurations without a counterpart
};

struct VerifyChoice {
  // Both or neither: the one configuration of either experiment to compare.
  std::string claimed_config, recomputed_config;
};

// Pairs the configurations of two experiments by the variable's value (hardware labels and ids
// differ by nature) and compares each stored repetition of the claim with the recomputation's first
// stored one; a repetition that left a digest alone is compared by it. A value that two
// configurations of a file share is not recomputed, saying so. The experiments outlive the result.
VerifiedExperiment VerifyExperiment(const Experiment& claimed, const Experiment& recomputed,
                                    const VerifyChoice& choice);

}  // namespace forensics::analyzer

#endif  // ANALYZER_VERIFICATION_VERIFICATION_H_
