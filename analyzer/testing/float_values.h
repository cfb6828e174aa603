// Vectors for tests of sums over them.
#ifndef ANALYZER_TESTING_FLOAT_VALUES_H_
#define ANALYZER_TESTING_FLOAT_VALUES_H_

#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

namespace forensics::analyzer {

// Gaussian, of magnitudes from 1e-20 to 1e20.
inline std::vector<float> ValuesOfAllSizes(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> gauss;
  std::vector<float> values(count);
  for (float& value : values) {
    value = gauss(random) * std::pow(10.0f, static_cast<float>(random() % 41) - 20);
  }
  return values;
}

}  // namespace forensics::analyzer

#endif  // ANALYZER_TESTING_FLOAT_VALUES_H_
