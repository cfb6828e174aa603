#include "runner/prompt/token_ids.h"

#include <cstdlib>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "schema/atomic_file.h"

namespace forensics::runner {
namespace {

TEST(ParseTokenIds, ReadsAnArray) {
  EXPECT_EQ(*ParseTokenIds(" [0, 5,\n9 ] ", 10), (std::vector<int64_t>{0, 5, 9}));
}

TEST(ParseTokenIds, NamesWhatIsWrong) {
  const std::pair<std::string, std::string> cases[] = {
      {"[]", "the array of token ids is empty"},
      {"{}", "expected a JSON array of token ids"},
      {"[1, 2", "not JSON: "},
      {"", "not JSON: "},
      {"[1] 2", "not JSON: "},
      {"[1, 2.0]", "token id [1] is not an integer"},
      {"[\"1\"]", "token id [0] is not an integer"},
      {"[1, null]", "token id [1] is not an integer"},
      {"[1, -1]", "token id [1] is -1, expected 0 to 9"},
      {"[1, 2, 10]", "token id [2] is 10, expected 0 to 9"},
      {"[99999999999999999999]", "token id [0] is not an integer"},
      {std::string(100'000, '['), "not JSON: "},
  };
  for (const auto& [json, message] : cases) {
    const auto ids = ParseTokenIds(json, 10);
    ASSERT_FALSE(ids.ok()) << json;
    EXPECT_EQ(std::string(ids.status().message()).substr(0, message.size()), message);
  }
}

TEST(ReadTokenIds, NamesTheFile) {
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/ids.json";
  ASSERT_TRUE(schema::WriteFileAtomically(path, "[3, 4]").ok());
  EXPECT_EQ(*ReadTokenIds(path, 5), (std::vector<int64_t>{3, 4}));
  EXPECT_EQ(ReadTokenIds(path, 4).status().message(),
            path + ": token id [1] is 4, expected 0 to 3");
  const auto missing = ReadTokenIds(path + ".none", 5);
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.status().message().find(path + ".none"), std::string::npos);
}

}  // namespace
}  // namespace forensics::runner
