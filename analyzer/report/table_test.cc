#include "analyzer/report/table.h"

#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

TEST(Table, TabsAndLineEndsInCellsBecomeSpaces) {
  Table table(Separator::kTab, {"a", "b"});
  table.Add({"x\ty", "1,5\r\n\"2\""});
  EXPECT_EQ(table.text(), "a\tb\nx y\t1,5  \"2\"\n");
}

TEST(Table, CommasAreRfc4180s) {
  Table table(Separator::kComma, {"a", "b"});
  table.Add({"x\ty", "1,5"});
  table.Add({"say \"so\"", "two\nlines"});
  table.Add({"", "plain"});
  EXPECT_EQ(table.text(), "a,b\r\nx\ty,\"1,5\"\r\n\"say \"\"so\"\"\",\"two\nlines\"\r\n,plain\r\n");
}

TEST(Cells, OfWhatIsNotKnownAreEmpty) {
  EXPECT_EQ(NumberCell(0.1), "0.1");
  EXPECT_EQ(NumberCell(std::nullopt), "");
  EXPECT_EQ(WholeCell(-3), "-3");
  EXPECT_EQ(WholeCell(std::nullopt), "");
  EXPECT_EQ(TruthCell(false), "false");
  EXPECT_EQ(TruthCell(true), "true");
  EXPECT_EQ(TruthCell(std::nullopt), "");
}

}  // namespace
}  // namespace forensics::analyzer
