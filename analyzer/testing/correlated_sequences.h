// Sequences of known mean and correlation, for simulations.
#ifndef ANALYZER_TESTING_CORRELATED_SEQUENCES_H_
#define ANALYZER_TESTING_CORRELATED_SEQUENCES_H_

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace forensics::analyzer {

// Autoregressions of normal values about 5, of variance 1, or of log-normal ones as distances are
// (median 1, the logarithm's deviation 0.5).
class CorrelatedSequences {
 public:
  // Each state is `first` times the one before plus `second` times that before it, and innovation.
  CorrelatedSequences(double first, bool log_normal, uint64_t seed, double second = 0)
      : first_(first), second_(second), log_normal_(log_normal), random_(seed) {}

  std::vector<double> Draw(size_t n) {
    const double neighbours = first_ / (1 - second_);
    const double innovation = std::sqrt((1 - second_ * second_) * (1 - neighbours * neighbours));
    double before_that = normal_(random_);
    double before =
        neighbours * before_that + std::sqrt(1 - neighbours * neighbours) * normal_(random_);
    std::vector<double> values;
    for (size_t i = 0; i < n; ++i) {
      const double state = first_ * before + second_ * before_that + innovation * normal_(random_);
      before_that = before;
      before = state;
      values.push_back(log_normal_ ? std::exp(0.5 * state) : 5 + state);
    }
    return values;
  }

  double Mean() const { return log_normal_ ? std::exp(0.125) : 5; }

 private:
  const double first_;
  const double second_;
  const bool log_normal_;
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_TESTING_CORRELATED_SEQUENCES_H_
