// Many tests at once.
#ifndef ANALYZER_STATISTICS_HOLM_H_
#define ANALYZER_STATISTICS_HOLM_H_

#include <vector>

namespace forensics::analyzer {

// Below it an adjusted probability counts as shown, where words are made of it.
inline constexpr double kSignificance = 0.05;

// Holm's adjustment (1979): calling those at most `a` significant is wrong anywhere with
// probability `a` at most, however the tests depend on one another. In the order given.
std::vector<double> HolmAdjusted(const std::vector<double>& p_values);

}  // namespace forensics::analyzer

#endif  // ANALYZER_STATISTICS_HOLM_H_
