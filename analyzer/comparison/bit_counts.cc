#include "analyzer/comparison/bit_counts.h"

#include <algorithm>
#include <cstring>

#include "analyzer/lanes/instruction_sets.h"

namespace forensics::analyzer {
namespace {

constexpr size_t kWide = 16;
typedef uint32_t Words __attribute__((vector_size(kWide * sizeof(uint32_t))));
typedef int32_t Integers __attribute__((vector_size(kWide * sizeof(int32_t))));
typedef float Floats __attribute__((vector_size(kWide * sizeof(float))));

constexpr uint32_t kMagnitude = 0x7fffffff;
constexpr uint32_t kExponentBits = 0x7f800000;

// So many elements that no sum of a lane's 16-bit halves of distances overflows.
constexpr size_t kChunk = 2048;

// The bits of the elements from `i` on; zeros behind the end.
FORENSICS_INLINE void Load(absl::Span<const float> values, size_t i, Words& words) {
  if (__builtin_expect(i + kWide <= values.size(), true)) {
    std::memcpy(&words, values.data() + i, sizeof(words));
  } else {
    words = Words{};
    std::memcpy(&words, values.data() + i, (values.size() - i) * sizeof(float));
  }
}

// Comparisons are written as shifts of sign bits: a compiler takes those apart element by element
// where it has no instruction for a mask.

// Bits as integers that grow with the value.
FORENSICS_INLINE void Order(const Words& bits, Integers& ordered) {
  const Integers magnitude = reinterpret_cast<Integers>(bits & kMagnitude);
  const Integers negative = reinterpret_cast<Integers>(bits) >> 31;  // all bits or none
  ordered = (magnitude ^ negative) - negative;
}

// Lengths in bits, from the exponent of the number as a float: without its second bit no number is
// rounded up to the next power of two.
FORENSICS_INLINE void Lengths(const Words& numbers, Integers& lengths) {
  constexpr int kBias = 126;
  const Integers leading = reinterpret_cast<Integers>(numbers & ~(numbers >> 1));
  const Floats floats = __builtin_convertvector(leading, Floats);
  const Integers exponents = (reinterpret_cast<Integers>(floats) >> 23) - kBias;
  const Integers counted = exponents & ~(exponents >> 31);  // 0 for 0
  const Integers has_32 = leading >> 31;
  lengths = (has_32 & 32) | (counted & ~has_32);
}

// Adds the counts of at most kChunk elements.
FORENSICS_INLINE void CountInline(absl::Span<const float> a, absl::Span<const float> b,
                                  BitCounts& counts) {
  Words changed = {}, sign = {}, exponent = {}, seen = {}, largest = {}, low = {}, high = {};
  int32_t lengths[kChunk];
  for (size_t i = 0; i < a.size(); i += kWide) {
    Words bits_a, bits_b;
    Load(a, i, bits_a);
    Load(b, i, bits_b);
    seen |= bits_a | bits_b;
    const Words differing = bits_a ^ bits_b;
    const Words other_sign = differing >> 31;
    const Words other_exponent = ((differing & kExponentBits) + kExponentBits) >> 31;
    changed += (differing | -differing) >> 31;
    sign += other_sign;
    exponent += other_exponent & ~other_sign;
    Integers ordered_a, ordered_b;
    Order(bits_a, ordered_a);
    Order(bits_b, ordered_b);
    const Integers above = ordered_a > ordered_b ? ordered_a : ordered_b;
    const Integers below = ordered_a > ordered_b ? ordered_b : ordered_a;
    const Words distance = reinterpret_cast<Words>(above) - reinterpret_cast<Words>(below);
    largest = distance > largest ? distance : largest;
    low += distance & 0xffff;
    high += distance >> 16;
    Integers length;
    Lengths(distance, length);
    std::memcpy(lengths + i, &length, sizeof(length));
  }
  for (size_t lane = 0; lane < kWide; ++lane) {
    counts.changed += changed[lane];
    counts.sign += sign[lane];
    counts.exponent += exponent[lane];
    counts.bits_seen |= seen[lane];
    counts.largest = std::max<uint64_t>(counts.largest, largest[lane]);
    counts.sum += (uint64_t{high[lane]} << 16) + low[lane];
  }
  // Four at once: to add to a count that was just added to takes longer.
  int32_t bins[4][BitCounts::kBins] = {};
  size_t i = 0;
  for (; i + 4 <= a.size(); i += 4) {
    ++bins[0][lengths[i]];
    ++bins[1][lengths[i + 1]];
    ++bins[2][lengths[i + 2]];
    ++bins[3][lengths[i + 3]];
  }
  for (; i < a.size(); ++i) ++bins[0][lengths[i]];
  for (size_t bin = 0; bin < BitCounts::kBins; ++bin) {
    for (const auto& some : bins) counts.histogram[bin] += some[bin];
  }
}

FORENSICS_INLINE void LookInline(absl::Span<const float> values, BitsSeen& seen) {
  Words bits = {}, largest = {};
  for (size_t i = 0; i < values.size(); i += kWide) {
    Words words;
    Load(values, i, words);
    bits |= words;
    const Words magnitude = words & kMagnitude;
    largest = magnitude > largest ? magnitude : largest;
  }
  for (size_t lane = 0; lane < kWide; ++lane) {
    seen.bits |= bits[lane];
    seen.finite &= largest[lane] < kExponentBits;
  }
}

// The same two functions for each instruction set.
#define FORENSICS_KERNELS(Suffix, attributes)                                         \
  attributes void Count##Suffix(absl::Span<const float> a, absl::Span<const float> b, \
                                BitCounts& counts) {                                  \
    CountInline(a, b, counts);                                                        \
  }                                                                                   \
  attributes void Look##Suffix(absl::Span<const float> values, BitsSeen& seen) {      \
    LookInline(values, seen);                                                         \
  }
FORENSICS_FOR_EACH_INSTRUCTION_SET(FORENSICS_KERNELS)
#undef FORENSICS_KERNELS

struct Kernels {
  void (*count)(absl::Span<const float> a, absl::Span<const float> b, BitCounts& counts);
  void (*look)(absl::Span<const float> values, BitsSeen& seen);
};

const Kernels& Best() {
  static const Kernels best =
      ForThisProcessor(Kernels{CountBaseline, LookBaseline}, Kernels{CountAvx2, LookAvx2},
                       Kernels{CountAvx512, LookAvx512});
  return best;
}

}  // namespace

BitCounts CountBits(absl::Span<const float> a, absl::Span<const float> b) {
  BitCounts counts;
  for (size_t i = 0; i < a.size(); i += kChunk) {
    Best().count(a.subspan(i, kChunk), b.subspan(i, kChunk), counts);
  }
  return counts;
}

BitsSeen LookAtBits(absl::Span<const float> values) {
  BitsSeen seen;
  Best().look(values, seen);
  return seen;
}

}  // namespace forensics::analyzer
