// Libraries of runs whose causes are known: values and hardware that move signals at random.
#ifndef ANALYZER_TESTING_SYNTHETIC_LIBRARY_H_
#define ANALYZER_TESTING_SYNTHETIC_LIBRARY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

// Of the effects, relative to that of a hardware.
struct EffectSizes {
  double value = 3;          // of a value other than the first, about
  double interaction = 0.5;  // of a value on a hardware
  double spread = 0.3;       // deviation of the logarithm of each effect's own size
  double value_spread = 0;   // the same, of values alone and on top
  double correlation = 0.5;  // of neighbouring positions
};

// A run is a common signal plus the effects of its value, of its hardware and of the two together:
// Gaussian vectors, correlated along positions, layers of which grow alike. The same value and
// hardware give the same bits.
class SyntheticLibrary {
 public:
  SyntheticLibrary(const EffectSizes& sizes, uint64_t seed) : sizes_(sizes), random_(seed) {}

  // Value 0 is the one without an effect. Names are "0", "1", ... and "GPU 0", "GPU 1", ...
  void Add(int value, int hardware);

  const std::vector<Configuration>& configurations() const { return configurations_; }
  const std::vector<RunRecord>& runs() const { return runs_; }

 private:
  using Field = std::vector<float>;  // [signal][position][element]

  Field Draw(double size);
  const Field& EffectOf(int value, int hardware, double size);

  const EffectSizes sizes_;
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  std::map<std::pair<int, int>, Field> effects_;  // -1: of any
  std::vector<Configuration> configurations_;
  std::vector<RunRecord> runs_;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_TESTING_SYNTHETIC_LIBRARY_H_
