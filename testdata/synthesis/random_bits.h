// Random bits by position: any machine, thread or order gets the same ones.
#ifndef TESTDATA_SYNTHESIS_RANDOM_BITS_H_
#define TESTDATA_SYNTHESIS_RANDOM_BITS_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace forensics::synthesis {

// SplitMix64 (Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014): its
// state is a counter, so that word n is had without those before it.
class RandomBits {
 public:
  // The bits of the tensor `name`; `stream` tells apart what one tensor is made of.
  RandomBits(uint64_t seed, absl::string_view name, uint64_t stream = 0)
      : key_(Mix(Mix(seed ^ Mix(stream)) + Fnv1a(name))) {}

  // Word `n`, 64 independent bits.
  uint64_t operator()(uint64_t n) const { return Mix(key_ + (n + 1) * kGoldenRatio); }

 private:
  static constexpr uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;

  static uint64_t Mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  static uint64_t Fnv1a(absl::string_view text) {
    uint64_t hash = 0xcbf29ce484222325;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash;
  }

  uint64_t key_;
};

}  // namespace forensics::synthesis

#endif  // TESTDATA_SYNTHESIS_RANDOM_BITS_H_
