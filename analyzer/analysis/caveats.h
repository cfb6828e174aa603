// What a reader must know before he relies on a verdict.
#ifndef ANALYZER_ANALYSIS_CAVEATS_H_
#define ANALYZER_ANALYSIS_CAVEATS_H_

#include <string>
#include <vector>

#include "analyzer/analysis/experiment_report.h"

namespace forensics::analyzer {

// `kind` is one of a fixed set of words (docs/file_formats.md); `text` a sentence or two.
struct Caveat {
  std::string kind;
  std::string text;
};

// Those that the data call for, the weightiest first: a class that cannot be given or that
// not all variants are in, files that could not be read, configurations whose repetitions differ or
// cannot be checked, emulations, confounded variables, the two noises or SNRs that disagree, too
// few positions, contexts, what is left out or missing.
std::vector<Caveat> Caveats(const ExperimentReport& report);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_CAVEATS_H_
