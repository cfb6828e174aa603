// Signal-to-noise ratios and the plan's classes.
#ifndef ANALYZER_ANALYSIS_DETECTABILITY_H_
#define ANALYZER_ANALYSIS_DETECTABILITY_H_

#include <optional>

namespace forensics::analyzer {

enum class Detectability { kStrong, kModerate, kWeak, kNotDetectable, kUndefined };

// "Strong", "Moderate", "Weak", "Not Detectable", "Undefined".
const char* DetectabilityName(Detectability detectability);

struct Verdict {
  std::optional<double> snr;  // may be infinite
  Detectability detectability = Detectability::kUndefined;
};

// SNR = l2 / noise; above 10 Strong, above 3 Moderate, above 1 Weak, else Not Detectable. Without
// noise any signal is infinitely strong, and no signal is Not Detectable without an SNR. A distance
// or noise that is not known: Undefined.
Verdict Judge(std::optional<double> l2, std::optional<double> noise);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_DETECTABILITY_H_
