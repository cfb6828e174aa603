#include "runner/tokenizer/nfc.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

TEST(ToNfc, ComposesAndOrders) {
  const std::pair<std::string, std::string> cases[] = {
      {"ASCII", "ASCII"},
      {u8"e\u0301", u8"\u00E9"},
      {u8"\u212B", u8"\u00C5"},                                  // a singleton: Angstrom sign
      {u8"\u0958", u8"\u0915\u093C"},                            // excluded from composition
      {u8"\uFB01", u8"\uFB01"},                                  // a compatibility form stays
      {u8"\u1100\u1161\u11A8", u8"\uAC01"},                      // Hangul
      {u8"a\u0301\u0323", u8"\u1EA1\u0301"},                     // the dot below goes first
      {u8"a\u0315\u0300\u05AE\u0062", u8"\u00E0\u05AE\u0315b"},  // NormalizationTest.txt, part 2
  };
  for (const auto& [text, composed] : cases) {
    EXPECT_EQ(ToNfc(text), composed);
    EXPECT_TRUE(text == composed || MayNeedNfc(text));
  }
}

// U+1AC1 (Unicode 14, class 230) would let nothing pass; the library takes it for a base.
TEST(ToNfc, LeavesMarksAloneThatUnicode9LacksAsTheLibraryDoes) {
  EXPECT_EQ(ToNfc(u8"e\u1AC1\u0301"), u8"e\u1AC1\u0301");
  EXPECT_EQ(ToNfc(u8"e\u1AC4\u0327"), u8"e\u1AC4\u0327");  // by class, U+0327 would come first
  EXPECT_EQ(ToNfc(u8"e\u0301\u1AC4e\u0301"), u8"\u00E9\u1AC4\u00E9");
}

// A quarter of a million marks of alternating classes; quadratic ordering would take minutes.
TEST(ToNfc, OrdersLongRunsOfMarks) {
  std::string text = "a", low, high;
  for (int i = 0; i < 125'000; ++i) {
    text += u8"\u0301\u0323";
    low += u8"\u0323";
    high += u8"\u0301";
  }
  EXPECT_TRUE(ToNfc(text) == u8"\u1EA1" + low.substr(2) + high);
}

}  // namespace
}  // namespace forensics::runner
