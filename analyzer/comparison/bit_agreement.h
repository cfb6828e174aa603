// Whether two runs have the same bits: what every report means by 'identical'.
#ifndef ANALYZER_COMPARISON_BIT_AGREEMENT_H_
#define ANALYZER_COMPARISON_BIT_AGREEMENT_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "absl/types/span.h"

namespace forensics::analyzer {

// The same number of values with the same bits: -0.0 is not 0.0, and a NaN is itself.
inline bool EqualBits(absl::Span<const float> a, absl::Span<const float> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// The first element with other bits, none if there is none. `a` and `b` have the same length.
inline std::optional<size_t> FirstOtherElement(absl::Span<const float> a,
                                               absl::Span<const float> b) {
  constexpr size_t kBlock = 256;  // elements that are looked at together while they are the same
  for (size_t begin = 0; begin < a.size(); begin += kBlock) {
    if (EqualBits(a.subspan(begin, kBlock), b.subspan(begin, kBlock))) continue;
    size_t i = begin;
    while (EqualBits(a.subspan(i, 1), b.subspan(i, 1))) ++i;
    return i;
  }
  return std::nullopt;
}

// Of one signal in two runs, the places (timepoints or positions) in the same context.
struct BitAgreement {
  int64_t same = 0;       // the same bits in both
  int64_t other = 0;      // other bits, another length or other token ids
  int64_t one_sided = 0;  // stored by one run alone

  void Note(bool same_bits) { ++(same_bits ? same : other); }

  // Neither run stores anything.
  bool empty() const { return same + other + one_sided == 0; }
  // Something has the same bits, and nothing that both store has not.
  bool agrees() const { return same > 0 && other == 0; }
  // The same, and both store it everywhere.
  bool identical() const { return agrees() && one_sided == 0; }
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_BIT_AGREEMENT_H_
