#ifndef ANALYZER_STATISTICS_INTERVAL_H_
#define ANALYZER_STATISTICS_INTERVAL_H_

namespace forensics::analyzer {

struct Interval {
  double low = 0;
  double high = 0;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_STATISTICS_INTERVAL_H_
