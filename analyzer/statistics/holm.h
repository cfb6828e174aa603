// Many tests at once.
#ifndef ANALYZER_STATISTICS_HOLM_H_
#define ANALYZER_STATISTICS_HOLM_H_

#include <vector>

namespace forensics::analyzer {

// Holm's adjustment (1979): calling those at most `a` significant is wrong anywhere with
// probability `a` at most, however the tests depend on one another. In the order given.
std::vector<double> HolmAdjusted(const std::vector<double>& p_values);

}  // namespace forensics::analyzer

#endif  // ANALYZER_STATISTICS_HOLM_H_
