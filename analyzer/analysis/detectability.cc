#include "analyzer/analysis/detectability.h"

#include <limits>

namespace forensics::analyzer {
namespace {

Detectability Classify(double snr) {
  if (snr > 10) return Detectability::kStrong;
  if (snr > 3) return Detectability::kModerate;
  if (snr > 1) return Detectability::kWeak;
  return Detectability::kNotDetectable;
}

}  // namespace

const char* DetectabilityName(Detectability detectability) {
  switch (detectability) {
    case Detectability::kStrong:
      return "Strong";
    case Detectability::kModerate:
      return "Moderate";
    case Detectability::kWeak:
      return "Weak";
    case Detectability::kNotDetectable:
      return "Not Detectable";
    case Detectability::kUndefined:
      break;
  }
  return "Undefined";
}

Verdict Judge(std::optional<double> l2, std::optional<double> noise) {
  Verdict verdict;
  if (!l2.has_value() || !noise.has_value()) return verdict;
  if (*noise == 0 && *l2 == 0) {
    verdict.detectability = Detectability::kNotDetectable;
    return verdict;
  }
  verdict.snr = *noise == 0 ? std::numeric_limits<double>::infinity() : *l2 / *noise;
  verdict.detectability = Classify(*verdict.snr);
  return verdict;
}

}  // namespace forensics::analyzer
