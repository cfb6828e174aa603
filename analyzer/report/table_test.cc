#include "analyzer/report/table.h"

#include "gmock/gmock.h"
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

TEST(Table, ControlCharactersAreEscaped) {
  EXPECT_EQ(Printable("a\x1b[2J\n\t\x7f"), "a\\x1b[2J\\n\\t\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "2J \xc3\xa9"),
            "\\u009b2J \xc3\xa9");
  EXPECT_EQ(PrintableLines("a\x1b[2J\nb\t"), "a\\x1b[2J\nb\\t");
  for (const Separator separator : {Separator::kTab, Separator::kComma}) {
    Table table(separator);
    table.Add({"\x1b]0;title\a"});
    EXPECT_THAT(table.text(), testing::StartsWith("\\x1b]0;title\\x07"));
  }
}

// A spreadsheet would compute them; numbers stay numbers.
TEST(Table, FormulasAreTextInCommaSeparatedTables) {
  Table commas(Separator::kComma);
  commas.Add({"=cmd|' /C calc'!A0", "+1+1", "-x", "@sum", "-0.5", "-1e-5", "1=1"});
  EXPECT_EQ(commas.text(), "'=cmd|' /C calc'!A0,'+1+1,'-x,'@sum,-0.5,-1e-5,1=1\r\n");
  Table tabs(Separator::kTab);
  tabs.Add({"=x"});
  EXPECT_EQ(tabs.text(), "=x\n");
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
