#include "analyzer/reading/json_cursor.h"

#include <chrono>
#include <filesystem>
#include <fstream>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::AllOf;
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

// Longer than a stream's buffer.
std::string ManyOnes() {
  std::string text = "[[1]";
  while (text.size() < 3'000'000) text += ",[1]";
  return text + "]";
}

// What reading ManyOnes says if `change` is made to the file behind its first element.
std::string MessageIfMeanwhile(absl::FunctionRef<void(const std::string& path)> change) {
  const std::string path = WriteTestFile("changing.json", ManyOnes());
  const std::unique_ptr<JsonCursor> cursor = *JsonCursor::Open(path);
  bool changed = false;
  std::vector<float> values;
  absl::Status status = cursor->ReadArray([&] {
    if (!changed) change(path);
    changed = true;
    return cursor->ReadFloats(values);
  });
  if (status.ok()) status = cursor->Finish();
  return std::string(status.message());
}

TEST(JsonCursor, AFileThatChangesWhileItIsReadIsAnErrorThatSaysSo) {
  namespace fs = std::filesystem;
  constexpr char kHad[] =
      "the file changed while it was read: it had 3000001 bytes when it was "
      "opened, now it has ";
  const auto cut = [](const std::string& path) { fs::resize_file(path, 2'000'001); };
  EXPECT_THAT(MessageIfMeanwhile(cut),
              AllOf(HasSubstr("byte 2000001, line 1, at /500000: the file is truncated: it ends "
                              "here; "),
                    HasSubstr(absl::StrCat(kHad, 2'000'001))));
  const auto empty = [](const std::string& path) { fs::resize_file(path, 0); };
  EXPECT_THAT(MessageIfMeanwhile(empty), HasSubstr(absl::StrCat(kHad, 0)));
  const auto append = [](const std::string& path) { std::ofstream(path, std::ios::app) << " \n"; };
  EXPECT_THAT(MessageIfMeanwhile(append), HasSubstr(absl::StrCat(kHad, 3'000'003)));
  const auto write_to = [](const std::string& path) {
    std::fstream(path, std::ios::in | std::ios::out).seekp(2'500'002) << "7";
    fs::last_write_time(path, fs::file_time_type::clock::now() + std::chrono::seconds(1));
  };
  EXPECT_THAT(MessageIfMeanwhile(write_to), HasSubstr(absl::StrCat(kHad, 3'000'001)));
}

TEST(JsonCursor, AFileThatAnotherOneReplacesIsReadAsItWas) {
  const auto replace = [](const std::string& path) {
    std::ofstream(path + ".new") << "[]";
    std::filesystem::rename(path + ".new", path);
  };
  EXPECT_EQ(MessageIfMeanwhile(replace), "");
}

}  // namespace
}  // namespace forensics::analyzer
