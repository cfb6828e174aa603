#include "analyzer/comparison/squared_distances.h"

#include <algorithm>

#include "analyzer/lanes/instruction_sets.h"

namespace forensics::analyzer {
namespace {

// Elements of a vector: 4 KiB as float64, so that two stay in a core's first cache, those of a
// hundred runs in its second.
constexpr size_t kPiece = 512;
constexpr size_t kPieceSteps = kPiece / kPairLanes;

// The elements of `values` from `begin` on, at most a piece.
absl::Span<const float> PieceOf(absl::Span<const float> values, size_t begin) {
  return begin < values.size() ? values.subspan(begin, kPiece) : absl::Span<const float>();
}

size_t StepsOf(absl::Span<const float> piece) {
  return (piece.size() + kPairLanes - 1) / kPairLanes;
}

double Total(const LanePair& sums) {
  const Lanes both = sums.first + sums.second;
  return ((both[0] + both[4]) + (both[2] + both[6])) + ((both[1] + both[5]) + (both[3] + both[7]));
}

// Adds to the sums in registers; in memory they would be stored at each step.
template <typename Vector>
FORENSICS_INLINE void AddStep(const PairOf<Vector>& a, const PairOf<Vector>& b, Vector& first,
                              Vector& second) {
  first += (a.first - b.first) * (a.first - b.first);
  second += (a.second - b.second) * (a.second - b.second);
}

FORENSICS_INLINE void WidenInline(absl::Span<const float> values, LanePair* wide) {
  const size_t whole = values.size() / kPairLanes;
  for (size_t step = 0; step < whole; ++step) {
    LoadLanes(values.data() + step * kPairLanes, wide[step]);
  }
  if (whole * kPairLanes < values.size()) LoadLanes(LaneRest(values).elements, wide[whole]);
}

template <typename Vector>
FORENSICS_INLINE void AddWideInline(const LanePair* a, const LanePair* b, size_t steps,
                                    LanePair& sums) {
  using Part = PairOf<Vector>;
  constexpr size_t kParts = kPartsOf<Vector>;
  for (size_t part = 0; part < kParts; ++part) {
    const Part* const own_a = reinterpret_cast<const Part*>(a) + part;
    const Part* const own_b = reinterpret_cast<const Part*>(b) + part;
    Part& own_sums = reinterpret_cast<Part*>(&sums)[part];
    Vector first = own_sums.first, second = own_sums.second;
    for (size_t step = 0; step < steps; ++step) {
      AddStep(own_a[step * kParts], own_b[step * kParts], first, second);
    }
    own_sums.first = first;
    own_sums.second = second;
  }
}

FORENSICS_INLINE void AddInline(absl::Span<const float> a, absl::Span<const float> b,
                                LanePair& sums) {
  Lanes first = {}, second = {};
  const auto add = [&](const float* x, const float* y) __attribute__((always_inline)) {
    LanePair wide_x, wide_y;
    LoadLanes(x, wide_x);
    LoadLanes(y, wide_y);
    AddStep(wide_x, wide_y, first, second);
  };
  const size_t whole = a.size() / kPairLanes * kPairLanes;
  for (size_t i = 0; i < whole; i += kPairLanes) add(a.data() + i, b.data() + i);
  add(LaneRest(a).elements, LaneRest(b).elements);
  sums.first = first;
  sums.second = second;
}

// The same three functions for each instruction set.
#define FORENSICS_KERNELS(Suffix, attributes)                                         \
  attributes void Widen##Suffix(absl::Span<const float> values, LanePair* wide) {     \
    WidenInline(values, wide);                                                        \
  }                                                                                   \
  attributes void AddWide##Suffix(const LanePair* a, const LanePair* b, size_t steps, \
                                  LanePair& sums) {                                   \
    AddWideInline<LanesOf##Suffix>(a, b, steps, sums);                                \
  }                                                                                   \
  attributes void Add##Suffix(absl::Span<const float> a, absl::Span<const float> b,   \
                              LanePair& sums) {                                       \
    AddInline(a, b, sums);                                                            \
  }
FORENSICS_FOR_EACH_INSTRUCTION_SET(FORENSICS_KERNELS)
#undef FORENSICS_KERNELS

struct Kernels {
  void (*widen)(absl::Span<const float> values, LanePair* wide);
  void (*add_wide)(const LanePair* a, const LanePair* b, size_t steps, LanePair& sums);
  void (*add)(absl::Span<const float> a, absl::Span<const float> b, LanePair& sums);
};

const Kernels& Best() {
  static const Kernels best = ForThisProcessor(Kernels{WidenBaseline, AddWideBaseline, AddBaseline},
                                               Kernels{WidenAvx2, AddWideAvx2, AddAvx2},
                                               Kernels{WidenAvx512, AddWideAvx512, AddAvx512});
  return best;
}

}  // namespace

double SquaredDistance(absl::Span<const float> a, absl::Span<const float> b) {
  LanePair sums;
  Best().add(a, b, sums);
  return Total(sums);
}

absl::Span<const double> SquaredDistances::Of(absl::Span<const absl::Span<const float>> vectors,
                                              absl::Span<const Pair> pairs) {
  sums_.assign(pairs.size(), LanePair{{}, {}});
  wide_.resize(std::max(wide_.size(), vectors.size() * kPieceSteps));
  size_t longest = 0;
  for (const Pair& pair : pairs) longest = std::max(longest, vectors[pair.first].size());
  for (size_t begin = 0; begin < longest; begin += kPiece) AddPiece(vectors, pairs, begin);
  totals_.clear();
  for (const LanePair& sums : sums_) totals_.push_back(Total(sums));
  return totals_;
}

void SquaredDistances::AddPiece(absl::Span<const absl::Span<const float>> vectors,
                                absl::Span<const Pair> pairs, size_t begin) {
  for (size_t i = 0; i < vectors.size(); ++i) {
    Best().widen(PieceOf(vectors[i], begin), &wide_[i * kPieceSteps]);
  }
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto& [a, b] = pairs[i];
    Best().add_wide(&wide_[a * kPieceSteps], &wide_[b * kPieceSteps],
                    StepsOf(PieceOf(vectors[a], begin)), sums_[i]);
  }
}

}  // namespace forensics::analyzer
