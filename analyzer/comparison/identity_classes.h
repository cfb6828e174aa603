// Which configurations, on whatever hardware, computed the same bits.
#ifndef ANALYZER_COMPARISON_IDENTITY_CLASSES_H_
#define ANALYZER_COMPARISON_IDENTITY_CLASSES_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

// A configuration by the run that stands for it.
struct ComparedRun {
  const Configuration* configuration = nullptr;
  const RunRecord* run = nullptr;  // null: no repetition is stored
};

struct IdentityClasses {
  // Any two of a class share a timepoint and have the same bits wherever both have a value in the
  // same context (contexts.h). Where all values are there this is equality of bits; one that lacks
  // some joins the first class that it does not contradict.
  std::vector<std::vector<const Configuration*>> classes;
  // For each class, the first position (Timepoint::Computed) at which its first member's bits are
  // not those of the first class's; none for the first class, and where the two share no value.
  std::vector<std::optional<int64_t>> parted_at;
  std::vector<const Configuration*> not_stored;  // without a value of the signal in the phase
};

// By phase (Phase's order).
using PhaseClasses = std::array<IdentityClasses, kPhases.size()>;

std::map<SignalId, PhaseClasses> FindIdentityClasses(const std::vector<ComparedRun>& runs,
                                                     const std::set<SignalId>& signals);

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_IDENTITY_CLASSES_H_
