// Sequences of known mean and correlation, for simulations.
#ifndef ANALYZER_TESTING_CORRELATED_SEQUENCES_H_
#define ANALYZER_TESTING_CORRELATED_SEQUENCES_H_

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace forensics::analyzer {

// First-order autoregressions of normal values, or of log-normal ones as distances are (median 1,
// the logarithm's deviation 0.5).
class CorrelatedSequences {
 public:
  CorrelatedSequences(double correlation, bool log_normal, uint64_t seed)
      : correlation_(correlation), log_normal_(log_normal), random_(seed) {}

  std::vector<double> Draw(size_t n) {
    std::vector<double> values;
    double state = normal_(random_);
    for (size_t i = 0; i < n; ++i) {
      if (i > 0) {
        const double innovation = std::sqrt(1 - correlation_ * correlation_) * normal_(random_);
        state = correlation_ * state + innovation;
      }
      values.push_back(log_normal_ ? std::exp(0.5 * state) : 5 + state);
    }
    return values;
  }

  double Mean() const { return log_normal_ ? std::exp(0.125) : 5; }

 private:
  const double correlation_;
  const bool log_normal_;
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_TESTING_CORRELATED_SEQUENCES_H_
