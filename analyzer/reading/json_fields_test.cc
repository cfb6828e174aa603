#include "analyzer/reading/json_fields.h"

#include <memory>

#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

// Reads the JSON `text` into a field of type T.
template <typename T>
absl::StatusOr<T> ReadAs(const std::string& text) {
  absl::StatusOr<std::unique_ptr<JsonCursor>> cursor =
      JsonCursor::Open(WriteTestFile("field.json", text));
  if (!cursor.ok()) return cursor.status();
  T field{};
  if (absl::Status status = ReadField(**cursor, field); !status.ok()) return status;
  return field;
}

TEST(ReadField, WholeNumbersInEverySpelling) {
  for (const char* text : {"3", "3.0", "3e0", "0.3e1"}) {
    EXPECT_THAT(*ReadAs<std::optional<int64_t>>(text), Optional(3)) << text;
  }
  EXPECT_THAT(*ReadAs<std::optional<int64_t>>("-9223372036854775808"), Optional(INT64_MIN));
  EXPECT_THAT(*ReadAs<std::optional<int64_t>>("9223372036854775807"), Optional(INT64_MAX));
  for (const char* text : {"3.5", "1e300", "NaN", "\"3\"", "true", "18446744073709551615"}) {
    EXPECT_FALSE(ReadAs<std::optional<int64_t>>(text).ok()) << text;
  }
}

TEST(ReadField, NullLeavesTheFieldAsItIs) {
  EXPECT_EQ(*ReadAs<std::optional<int64_t>>("null"), std::nullopt);
  EXPECT_EQ(*ReadAs<std::optional<bool>>("null"), std::nullopt);
  EXPECT_EQ(*ReadAs<std::string>("null"), "");
  EXPECT_THAT(*ReadAs<std::vector<int64_t>>("null"), ElementsAre());
}

TEST(ReadField, OtherTypes) {
  EXPECT_THAT(*ReadAs<std::optional<bool>>("false"), Optional(false));
  EXPECT_FALSE(ReadAs<std::optional<bool>>("0").ok());
  EXPECT_THAT(*ReadAs<std::optional<double>>("1e-3"), Optional(1e-3));
  EXPECT_THAT(*ReadAs<std::optional<double>>("\"-Infinity\""), Optional(testing::Lt(-1e308)));
  EXPECT_FALSE(ReadAs<std::optional<double>>("\"fast\"").ok());
  EXPECT_EQ(*ReadAs<std::string>("\"a\\u00e9\\n\""), "a\u00e9\n");
  EXPECT_THAT(*ReadAs<std::vector<int64_t>>("[1, 2]"), ElementsAre(1, 2));
  EXPECT_FALSE(ReadAs<std::vector<int64_t>>("[1, null]").ok());
}

TEST(NumberAfter, TakesNamesOfLayersAndPositionsAlone) {
  EXPECT_THAT(NumberAfter("layer_", "layer_47"), Optional(47));
  EXPECT_THAT(NumberAfter("pos_", "pos_-3"), Optional(-3));
  for (const char* key :
       {"layer_", "layer_x", "layer_4x", "layer_ 4", "pos_4", "layer", "", "layer_99999999999",
        "layer_047", "layer_00", "layer_-0", "layer_+4", "layer_-04"}) {
    EXPECT_EQ(NumberAfter("layer_", key), std::nullopt) << key;
  }
}

TEST(ScalarText, IsJsonTextWithoutQuotesOfStrings) {
  EXPECT_EQ(ScalarText(std::monostate()), "null");
  EXPECT_EQ(ScalarText(true), "true");
  EXPECT_EQ(ScalarText(int64_t{-4}), "-4");
  EXPECT_EQ(ScalarText(4.0), "4");
  EXPECT_EQ(ScalarText(0.5), "0.5");
  EXPECT_EQ(ScalarText(1e300), "1e+300");
  EXPECT_EQ(ScalarText(std::string("awq")), "awq");
}

}  // namespace
}  // namespace forensics::analyzer
