// What resampling leaves to chance, the same on every machine: blocks and signs for eight series at
// a time (lanes.h).
#ifndef ANALYZER_STATISTICS_DRAWS_H_
#define ANALYZER_STATISTICS_DRAWS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "analyzer/lanes/lanes.h"

namespace forensics::analyzer {

// The draws of several series follow one another in one sequence of random numbers. They depend on
// nothing but the arguments, and every interval of an analysis has the same ones: those of short
// series are drawn once and kept.

struct BlockDraws {
  size_t resamples = 0;
  size_t blocks = 0;  // a series
  // Where each block starts, below n - block + 1: [batch][block][lane].
  std::vector<std::array<uint32_t, kLanes>> starts;
};

// Series of n values are made of blocks of `block` in a row, at most n.
std::shared_ptr<const BlockDraws> DrawBlocks(uint64_t seed, int resamples, size_t n, size_t block);

struct SignDraws {
  size_t n = 0;
  // Bit `lane` is set where the sign stays: [batch][value].
  std::vector<uint8_t> keeps;
};

std::shared_ptr<const SignDraws> DrawSigns(uint64_t seed, int resamples, size_t n);

}  // namespace forensics::analyzer

#endif  // ANALYZER_STATISTICS_DRAWS_H_
