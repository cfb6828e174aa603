// Whether what is said with a probability is right as often as that.
#ifndef ANALYZER_TESTING_RELIABILITY_H_
#define ANALYZER_TESTING_RELIABILITY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace forensics::analyzer {

// Statements of about the same probability.
struct ReliabilityBin {
  double low = 0;
  double high = 0;
  int64_t right = 0;
  std::vector<double> stated;

  int64_t n() const { return static_cast<int64_t>(stated.size()); }
  double mean_stated() const;  // n > 0
  double share_right() const;  // n > 0
  // The probability that so few independent statements or fewer are right if each is right with the
  // probability that it states, less `slack`.
  double TooSureProbability(double slack = 0) const;
  // That so many or more are right if each is with the probability that it states and `slack` more.
  double TooModestProbability(double slack) const;
};

class Reliability {
 public:
  static constexpr size_t kBins = 10;

  Reliability();

  void Add(double stated, bool is_right);
  void Add(const Reliability& other);

  const std::array<ReliabilityBin, kBins>& bins() const { return bins_; }
  int64_t n() const;
  double mean_stated() const;  // n > 0
  double share_right() const;  // n > 0
  // Mean over statements of the difference of the two in a bin (expected calibration error).
  double CalibrationError() const;
  // Of the bin that is the least likely to be by chance.
  double LeastTooSureProbability() const;

 private:
  std::array<ReliabilityBin, kBins> bins_;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_TESTING_RELIABILITY_H_
