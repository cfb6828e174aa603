#include "runner/engine/busy_intervals.h"

#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

void ExpectIntervals(const std::vector<Interval>& found, const std::vector<Interval>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_DOUBLE_EQ(found[i].begin, expected[i].begin) << i;
    EXPECT_DOUBLE_EQ(found[i].end, expected[i].end) << i;
  }
}

TEST(BusyIntervalsTest, ProductsInARowAreOneInterval) {
  BusyIntervals busy;
  busy.Add({1, 2});
  busy.Add({2.00005, 3});
  busy.Add({4, 5});
  ExpectIntervals(busy.intervals(), {{1, 3}, {4, 5}});
}

TEST(BusyIntervalsTest, TheirNumberIsBounded) {
  BusyIntervals busy;
  constexpr int kCount = 100000;
  for (int i = 0; i < kCount; ++i) busy.Add({i * 0.001, i * 0.001 + 0.0005});
  EXPECT_LE(busy.intervals().size(), BusyIntervals::kMost);
  EXPECT_EQ(busy.intervals().front().begin, 0);
  EXPECT_DOUBLE_EQ(busy.intervals().back().end, (kCount - 1) * 0.001 + 0.0005);
}

TEST(BusyIntervalsTest, TheUnionCoversEachMomentOnce) {
  ExpectIntervals(UnionOf({{5, 6}, {1, 3}, {2, 4}, {4, 4.5}, {2.5, 2.6}}), {{1, 4.5}, {5, 6}});
  ExpectIntervals(UnionOf({}), {});
}

TEST(BusyIntervalsTest, OverlapIsWhatBothCover) {
  EXPECT_DOUBLE_EQ(OverlapSeconds({{0, 10}}, {{1, 2}, {3, 5}, {9, 12}}), 4);
  EXPECT_DOUBLE_EQ(OverlapSeconds({{1, 2}, {3, 5}, {9, 12}}, {{0, 10}}), 4);
  EXPECT_DOUBLE_EQ(OverlapSeconds({{0, 1}, {2, 3}}, {{1, 2}, {3, 4}}), 0);
  EXPECT_DOUBLE_EQ(OverlapSeconds({}, {{0, 1}}), 0);
}

}  // namespace
}  // namespace forensics::runner
