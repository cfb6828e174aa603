#include "runner/parallel/all_reduce_bandwidth.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "runner/parallel/testing/forked_ranks.h"

namespace forensics::runner {
namespace {

using testing::HasSubstr;

TEST(SizeTest, IsReadAndWritten) {
  const std::pair<const char*, int64_t> kSizes[] = {
      {"4", 4}, {"1023KiB", 1023 << 10}, {"24MiB", 24 << 20}, {"16GiB", int64_t{16} << 30}};
  for (const auto& [text, bytes] : kSizes) {
    const absl::StatusOr<int64_t> parsed = ParseSize(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, bytes);
    EXPECT_EQ(SizeText(bytes), text);
  }
  EXPECT_EQ(SizeText(1000), "1000");
}

TEST(SizeTest, WhatIsNoneIsQuoted) {
  for (const char* text :
       {"", "MiB", "0", "-4", "6", "4kB", "1.5MiB", "17GiB", "9999999999999GiB"}) {
    const absl::StatusOr<int64_t> parsed = ParseSize(text);
    EXPECT_TRUE(absl::IsInvalidArgument(parsed.status())) << text;
    EXPECT_THAT(parsed.status().message(), HasSubstr(absl::StrCat("found '", text, "'")));
  }
}

// The factors of nccl-tests' doc/PERFORMANCE.md: 2 (n - 1) / n.
TEST(BusBandwidthTest, IsNcclTests) {
  const SumTiming timing = {1000000, 0.001};
  EXPECT_DOUBLE_EQ(BusBandwidth(timing, 2), 1e9);
  EXPECT_DOUBLE_EQ(BusBandwidth(timing, 4), 1.5e9);
  EXPECT_DOUBLE_EQ(BusBandwidth(timing, 8), 1.75e9);
}

TEST(TimingsTest, PassFromProcessToProcess) {
  const std::vector<SumTiming> timings = {{4096, 2.5e-05}, {25165824, 0.00123456789}};
  const auto decoded = DecodeTimings(EncodeTimings(timings));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ASSERT_EQ(decoded->size(), 2u);
  EXPECT_EQ((*decoded)[1].bytes, 25165824);
  EXPECT_DOUBLE_EQ((*decoded)[1].seconds, 0.00123456789);
  for (const char* damaged : {"4096\n", "4096 0\n", "4096 nan\n", "x 1\n", "4096 1 2\n"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(DecodeTimings(damaged).status())) << damaged;
  }
}

TEST(TimingsTest, TableHasTimeAndBandwidth) {
  EXPECT_EQ(TableText({{4096, 2.5e-05}, {1 << 30, 0.0125}}, 4),
            "      4KiB        25.0 us      0.25 GB/s\n"
            "      1GiB     12500.0 us    128.85 GB/s\n");
}

// Ranks on CPUs, which sum float32 as exactly as those on GPUs; how fast is not looked at.
TEST(TimeSumsTest, RealRanksSumRight) {
  const auto work = [](Communicator& ranks) {
    for (const int64_t bytes : {4, 4000, 4 << 20}) {
      const SumTiming timing = TimeSums(ranks, bytes, at::kCPU);
      if (timing.bytes != bytes || !(timing.seconds > 0)) return false;
    }
    return true;
  };
  EXPECT_EQ(RunForkedRanks(3, work), std::vector<int>(3, 0));
}

// Two ranks in one, the other of which contributes what it should but for one element.
class OneWrongElement : public SingleProcess {
 public:
  int size() const override { return 2; }
  void SumOverRanks(at::Tensor& partial) override {
    partial.add_(partial + 1);
    if (++sums_ == wrong_sum_) partial[1500].add_(1);
  }
  explicit OneWrongElement(int wrong_sum) : wrong_sum_(wrong_sum) {}

 private:
  int sums_ = 0;
  const int wrong_sum_;
};

TEST(TimeSumsTest, AWrongElementOfAnySumIsNamed) {
  for (const int wrong_sum : {1, 100, 300, 600}) {
    OneWrongElement ranks(wrong_sum);
    try {
      TimeSums(ranks, 8000, at::kCPU);
      FAIL() << "sum " << wrong_sum;
    } catch (const RankError& error) {
      // 2 * (1500 - 1024) + 1
      EXPECT_STREQ(error.what(),
                   "rank 0: wrong sum of 8000 bytes: element 1500: expected 953, found 954");
    }
  }
  OneWrongElement right(0);
  EXPECT_GT(TimeSums(right, 8000, at::kCPU).seconds, 0);
}

}  // namespace
}  // namespace forensics::runner
