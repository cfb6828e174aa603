// The verify command: a claimed and a recomputed experiment file in, the verdicts out.
#ifndef ANALYZER_VERIFY_H_
#define ANALYZER_VERIFY_H_

#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "analyzer/verification/verification.h"

namespace forensics::analyzer {

enum class VerifyFormat { kTable, kJson };

struct VerifyOptions {
  std::string claimed;     // an experiment file
  std::string recomputed;  // likewise
  VerifyChoice choice;
  VerifyFormat format = VerifyFormat::kTable;
};

struct VerifyOutcome {
  bool any_parted = false;
  bool any_contradicted = false;
  bool complete = false;  // each claimed repetition was recomputed and can be judged
};

// Holds both files in memory, each distinct vector once. Fails if one cannot be read or has nothing
// in common with the other, or if `out` cannot be written.
absl::StatusOr<VerifyOutcome> VerifyFiles(const VerifyOptions& options, std::ostream& out);

}  // namespace forensics::analyzer

#endif  // ANALYZER_VERIFY_H_
