#include "analyzer/testing/reliability.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analyzer/statistics/small_samples.h"

namespace forensics::analyzer {
namespace {

constexpr double kEdges[Reliability::kBins + 1] = {0,   0.2, 0.3, 0.4,  0.5, 0.6,
                                                   0.7, 0.8, 0.9, 0.95, 1};

double Sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

double ReliabilityBin::mean_stated() const { return Sum(stated) / static_cast<double>(n()); }

double ReliabilityBin::share_right() const {
  return static_cast<double>(right) / static_cast<double>(n());
}

double ReliabilityBin::TooSureProbability(double slack) const {
  std::vector<double> wrong;
  for (const double probability : stated) wrong.push_back(std::min(1.0, 1 - probability + slack));
  return AtLeastProbability(wrong, n() - right);
}

double ReliabilityBin::TooModestProbability(double slack) const {
  std::vector<double> as_right;
  for (const double probability : stated) as_right.push_back(std::min(1.0, probability + slack));
  return AtLeastProbability(as_right, right);
}

Reliability::Reliability() {
  for (size_t i = 0; i < kBins; ++i) {
    bins_[i].low = kEdges[i];
    bins_[i].high = kEdges[i + 1];
  }
}

void Reliability::Add(double stated, bool is_right) {
  const auto bin = std::find_if(bins_.begin(), std::prev(bins_.end()),
                                [&](const ReliabilityBin& one) { return stated < one.high; });
  bin->stated.push_back(stated);
  bin->right += is_right;
}

void Reliability::Add(const Reliability& other) {
  for (size_t i = 0; i < kBins; ++i) {
    const ReliabilityBin& bin = other.bins_[i];
    bins_[i].stated.insert(bins_[i].stated.end(), bin.stated.begin(), bin.stated.end());
    bins_[i].right += bin.right;
  }
}

int64_t Reliability::n() const {
  int64_t n = 0;
  for (const ReliabilityBin& bin : bins_) n += bin.n();
  return n;
}

double Reliability::mean_stated() const {
  double sum = 0;
  for (const ReliabilityBin& bin : bins_) sum += Sum(bin.stated);
  return sum / static_cast<double>(n());
}

double Reliability::share_right() const {
  int64_t right = 0;
  for (const ReliabilityBin& bin : bins_) right += bin.right;
  return static_cast<double>(right) / static_cast<double>(n());
}

double Reliability::CalibrationError() const {
  double sum = 0;
  for (const ReliabilityBin& bin : bins_) {
    sum += std::abs(Sum(bin.stated) - static_cast<double>(bin.right));
  }
  return sum / static_cast<double>(n());
}

double Reliability::LeastTooSureProbability() const {
  double least = 1;
  for (const ReliabilityBin& bin : bins_) least = std::min(least, bin.TooSureProbability());
  return least;
}

}  // namespace forensics::analyzer
