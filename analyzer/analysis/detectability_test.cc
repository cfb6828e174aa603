#include "analyzer/analysis/detectability.h"

#include <cmath>
#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Case {
  std::optional<double> l2;
  std::optional<double> noise;
  std::optional<double> snr;
  const char* name;
};

TEST(Judge, EveryRuleOfTheSpecification) {
  const Case cases[] = {
      {20.0, 1.0, 20.0, "Strong"},
      {std::nextafter(10.0, 11.0), 1.0, std::nextafter(10.0, 11.0), "Strong"},
      {10.0, 1.0, 10.0, "Moderate"},  // strictly greater
      {std::nextafter(3.0, 4.0), 1.0, std::nextafter(3.0, 4.0), "Moderate"},
      {3.0, 1.0, 3.0, "Weak"},
      {std::nextafter(1.0, 2.0), 1.0, std::nextafter(1.0, 2.0), "Weak"},
      {1.0, 1.0, 1.0, "Not Detectable"},
      {0.0, 1.0, 0.0, "Not Detectable"},
      {0.5, 0.0, kInfinity, "Strong"},
      {0.0, 0.0, std::nullopt, "Not Detectable"},
      {0.5, std::nullopt, std::nullopt, "Undefined"},
      {0.0, std::nullopt, std::nullopt, "Undefined"},
      {std::nullopt, 1.0, std::nullopt, "Undefined"},
      {std::nullopt, std::nullopt, std::nullopt, "Undefined"},
  };
  for (const Case& c : cases) {
    const Verdict verdict = Judge(c.l2, c.noise);
    EXPECT_EQ(verdict.snr, c.snr) << c.name;
    EXPECT_STREQ(DetectabilityName(verdict.detectability), c.name);
  }
}

}  // namespace
}  // namespace forensics::analyzer
