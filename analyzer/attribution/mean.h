// A mean that grows value by value.
#ifndef ANALYZER_ATTRIBUTION_MEAN_H_
#define ANALYZER_ATTRIBUTION_MEAN_H_

#include <cstddef>

namespace forensics::analyzer {

struct Mean {
  double sum = 0;
  size_t n = 0;

  void Add(double value) {
    sum += value;
    ++n;
  }
  double value() const { return sum / static_cast<double>(n); }  // n > 0
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_MEAN_H_
