// Sums of float64 that do not depend on the order of their terms.
#ifndef ANALYZER_COMPARISON_COMPENSATED_SUM_H_
#define ANALYZER_COMPARISON_COMPENSATED_SUM_H_

namespace forensics::analyzer {

// Adds in twice float64's precision (Knuth's two-sum; the errors are summed beside the sum), so
// that Total() is the true sum, rounded once, for any sum of squares or distances met here: another
// program that sums exactly prints the same digits. Terms must be finite.
class CompensatedSum {
 public:
  void Add(double term) {
    const double sum = sum_ + term;
    const double added = sum - sum_;
    error_ += (sum_ - (sum - added)) + (term - added);
    sum_ = sum;
  }
  double Total() const { return sum_ + error_; }

 private:
  double sum_ = 0;
  double error_ = 0;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_COMPARISON_COMPENSATED_SUM_H_
