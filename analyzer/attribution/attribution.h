// The verdict on one unknown run.
#ifndef ANALYZER_ATTRIBUTION_ATTRIBUTION_H_
#define ANALYZER_ATTRIBUTION_ATTRIBUTION_H_

#include <optional>
#include <string>
#include <vector>

#include "analyzer/attribution/answer.h"
#include "analyzer/attribution/library.h"

namespace forensics::analyzer {

enum class Outcome {
  kNotComparable,  // no known configuration has a position in the same context
  kIdentical,      // bit for bit that of a known configuration
  kAttributed,     // nearest to a known setup, and more probably of it than of none
  kNoneOfThese,
  kUndecided,  // setups are equally probable, or the library allows no probabilities
};

// "not_comparable", "identical", ...
const char* OutcomeName(Outcome outcome);

// What a distance of 1 is.
enum class DistanceUnit {
  kHardwareNoise,    // what a change of hardware does to the same setup
  kLibraryDistance,  // the geometric mean of all distances in the library
  kL2,               // of the vectors: the library has no distances
};

struct RankedConfiguration {
  Place place;  // the first one that is not the unknown run itself
  std::vector<Place> copies;
  Labels labels;
  Observation observation;
  std::optional<double> distance;  // geometric mean over signals, in units; none: not comparable
};

struct Attribution {
  Place unknown;
  std::vector<RankedConfiguration> ranked;  // the nearest first; identical ones before all
  DistanceUnit unit = DistanceUnit::kL2;
  Answer value;
  Answer hardware;
  Outcome outcome = Outcome::kNotComparable;
  std::string verdict;  // a sentence or two
};

// The unknown run itself, where the library has it, is left out.
Attribution AttributeRun(const Library& library, size_t unknown);

// Of the whole library.
LeaveOneOut LeaveEachOut(const Library& library);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_ATTRIBUTION_H_
