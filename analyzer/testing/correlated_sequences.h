// Sequences of known mean and correlation, for simulations.
#ifndef ANALYZER_TESTING_CORRELATED_SEQUENCES_H_
#define ANALYZER_TESTING_CORRELATED_SEQUENCES_H_

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "boost/math/constants/constants.hpp"

namespace forensics::analyzer {

// How values are distributed: each is a function of a standard normal state.
struct Marginal {
  const char* name;
  double (*of_state)(double);
  double mean;
};

// The probability that a standard normal state is above `z`.
inline double NormalTail(double z) { return std::erfc(z / std::sqrt(2.0)) / 2; }

inline Marginal NormalMarginal() {
  return {"normal", [](double z) { return 5 + z; }, 5};
}

// As distances are: median 1, the logarithm's deviation 0.5.
inline Marginal LogNormalMarginal() {
  return {"log-normal", [](double z) { return std::exp(0.5 * z); }, std::exp(0.125)};
}

inline Marginal ExponentialMarginal() {
  return {"exponential", [](double z) { return -std::log(NormalTail(z)); }, 1};
}

// The logarithm has a deviation of 0.42 and exponential tails: moments beyond the third are
// infinite.
inline Marginal LogLaplaceMarginal() {
  return {"log-Laplace",
          [](double z) {
            const double size = -std::log(2 * NormalTail(std::abs(z)));
            return std::exp(z < 0 ? -0.3 * size : 0.3 * size);
          },
          1 / (1 - 0.3 * 0.3)};
}

// Log-normal as above, but the largest 3 % are three times as large.
inline Marginal OutliersMarginal() {
  constexpr double kLarge = 1.8807936081512509;
  return {"outliers", [](double z) { return std::exp(0.5 * z) * (z > kLarge ? 3 : 1); },
          std::exp(0.125) * (1 + 2 * NormalTail(kLarge - 0.5))};
}

// Right-skewed, with shape 1.5.
inline Marginal WeibullMarginal() {
  return {"Weibull", [](double z) { return std::pow(-std::log(NormalTail(z)), 1 / 1.5); },
          std::tgamma(1 + 1 / 1.5)};
}

inline Marginal UniformMarginal() {
  return {"uniform", [](double z) { return 0.5 + NormalTail(-z); }, 1};
}

// Of shape 5: moments beyond the fourth are infinite.
inline Marginal LogLogisticMarginal() {
  constexpr double kPi = boost::math::constants::pi<double>();
  return {"log-logistic",
          [](double z) { return std::pow(NormalTail(-z) / NormalTail(z), 1 / 5.0); },
          kPi / 5 / std::sin(kPi / 5)};
}

// States are an autoregression of variance 1: each is `first` times the one before plus `second`
// times that before it, and innovation.
class CorrelatedSequences {
 public:
  CorrelatedSequences(double first, const Marginal& marginal, uint64_t seed, double second = 0)
      : first_(first), second_(second), marginal_(marginal), random_(seed) {}

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
      values.push_back(marginal_.of_state(state));
    }
    return values;
  }

  double Mean() const { return marginal_.mean; }

 private:
  const double first_;
  const double second_;
  const Marginal marginal_;
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
