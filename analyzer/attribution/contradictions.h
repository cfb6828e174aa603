// Runs of a library that its labels say are the same, and their bits are not.
#ifndef ANALYZER_ATTRIBUTION_CONTRADICTIONS_H_
#define ANALYZER_ATTRIBUTION_CONTRADICTIONS_H_

#include <string>
#include <vector>

#include "analyzer/attribution/library.h"

namespace forensics::analyzer {

// Where runs of one setup on one hardware have other bits or tokens, though the same computation
// leaves the same: the first two of each setup and hardware, in words.
std::vector<std::string> Contradictions(const Library& library);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_CONTRADICTIONS_H_
