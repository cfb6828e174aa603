// How float16 numbers differ, counted in float16. Unlike a bfloat16, a float16 number is not a
// float32 with fewer bits: its subnormals are normal ones there. But times 2^-112 it is, its
// exponent's bits being the lowest of float32's: so it is counted as a float32, and distances in
// float16 are the same integers without the 13 zero bits at their end.
#ifndef ANALYZER_COMPARISON_HALF_CHANGES_H_
#define ANALYZER_COMPARISON_HALF_CHANGES_H_

#include "absl/types/span.h"
#include "analyzer/comparison/bit_changes.h"

namespace forensics::analyzer {

// Counts over the elements of any number of vector pairs.
class HalfChanges {
 public:
  void Add(float a, float b) { Add({&a, 1}, {&b, 1}); }
  // Element by element; of the same length.
  void Add(absl::Span<const float> a, absl::Span<const float> b);
  void Add(const HalfChanges& other);

  // Whether every value seen is a finite float16 number; if not, the rest is void.
  bool fit() const { return fit_; }
  UlpStatistics Ulps() const;
  // Sets the split of the changed elements to that by float16's parts.
  void Split(BitChanges& changes) const;

 private:
  bool fit_ = true;
  BitChanges scaled_;  // of the numbers times 2^-112
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_HALF_CHANGES_H_
