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

// Log-normal values as above whose logarithms share a part in blocks of `block` neighbours, as
// tokens of one word or phrase might: no autoregression. `share`: of the logarithm's variance.
class BlockSequences {
 public:
  BlockSequences(double share, int block, uint64_t seed)
      : share_(share), block_(block), random_(seed) {}

  std::vector<double> Draw(size_t n) {
    std::vector<double> values;
    double common = normal_(random_);
    int left = std::uniform_int_distribution<int>(1, block_)(random_);
    for (size_t i = 0; i < n; ++i) {
      if (left-- == 0) {
        common = normal_(random_);
        left = block_ - 1;
      }
      const double own = normal_(random_);
      values.push_back(std::exp(0.5 * (std::sqrt(share_) * common + std::sqrt(1 - share_) * own)));
    }
    return values;
  }

  double Mean() const { return std::exp(0.125); }

 private:
  const double share_;
  const int block_;
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_TESTING_CORRELATED_SEQUENCES_H_
