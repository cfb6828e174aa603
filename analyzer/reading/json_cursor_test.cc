#include "analyzer/reading/json_cursor.h"

#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::unique_ptr<JsonCursor> Open(const std::string& text) {
  return *JsonCursor::Open(WriteTestFile("cursor.json", text));
}

TEST(JsonCursor, WalksThroughObjectsAndArrays) {
  const std::unique_ptr<JsonCursor> cursor = Open(R"( {"a" : [1, 2] , "b":{}, "c" : [] } )");
  std::vector<std::string> keys;
  int elements = 0;
  const absl::Status status = cursor->ReadObject([&](const std::string& key) {
    keys.push_back(key);
    if (cursor->Peek() == JsonCursor::Kind::kObject) return cursor->Skip();
    return cursor->ReadArray([&] {
      ++elements;
      return cursor->ReadScalar().status();
    });
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(cursor->Finish().ok());
  EXPECT_THAT(keys, ElementsAre("a", "b", "c"));
  EXPECT_EQ(elements, 2);
}

TEST(JsonCursor, ScalarsKeepTheirType) {
  EXPECT_EQ(*Open("1")->ReadScalar(), JsonScalar(int64_t{1}));
  EXPECT_EQ(*Open("1.0")->ReadScalar(), JsonScalar(1.0));
  EXPECT_EQ(*Open("true")->ReadScalar(), JsonScalar(true));
  EXPECT_EQ(*Open("null")->ReadScalar(), JsonScalar());
  EXPECT_EQ(*Open("\"1\"")->ReadScalar(), JsonScalar(std::string("1")));
  EXPECT_EQ(*Open("18446744073709551615")->ReadScalar(), JsonScalar(18446744073709551615.0));
}

TEST(JsonCursor, TheSameSpellingIsPassedOverAndAnyOtherIsNot) {
  const std::unique_ptr<JsonCursor> cursor = Open("[[1,2.5] , [1,2.5],[1,2.50],[1,2.5,3]]");
  std::vector<float> values;
  std::string text;
  std::vector<bool> passed;
  const absl::Status status = cursor->ReadArray([&] {
    if (text.empty()) return cursor->ReadFloats(values, &text);
    passed.push_back(cursor->SkipFloatsSpelled(text));
    return passed.back() ? absl::OkStatus() : cursor->Skip();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(text, "[1,2.5]");
  EXPECT_THAT(passed, ElementsAre(true, false, false));
}

TEST(JsonCursor, AVeryLongArrayIsReadButItsSpellingIsNotKept) {
  std::string numbers = "1";
  for (int i = 0; i < 1000000; ++i) numbers += ",1";
  std::vector<float> values;
  std::string text = "old";
  EXPECT_TRUE(Open("[" + numbers + "]")->ReadFloats(values, &text).ok());
  EXPECT_EQ(values.size(), 1000001u);
  EXPECT_THAT(text, IsEmpty());
}

TEST(JsonCursor, TheCheckerIsToldOfAllThatIsReadAndSkipped) {
  const std::unique_ptr<JsonCursor> cursor =
      Open(R"({"experiment_metadata": {"experiment_type": 5}})");
  schema::ExperimentChecker checker;
  cursor->set_checker(&checker);
  EXPECT_TRUE(cursor->Skip().ok()) << "the checker's verdict stops nothing";
  EXPECT_THAT(std::string(checker.status().message()),
              HasSubstr("/experiment_metadata/experiment_type"));
}

}  // namespace
}  // namespace forensics::analyzer
