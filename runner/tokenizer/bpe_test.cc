#include "runner/tokenizer/bpe.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runner/tokenizer/byte_level.h"

namespace forensics::runner {
namespace {

// The ids of single bytes are the bytes; `more` follow from 256.
Vocabulary BytesAnd(const std::vector<std::string>& more) {
  Vocabulary vocabulary;
  for (int b = 0; b < 256; ++b) vocabulary[ByteToCharacter(static_cast<uint8_t>(b))] = b;
  for (const std::string& token : more) vocabulary[token] = static_cast<int32_t>(vocabulary.size());
  return vocabulary;
}

std::vector<int32_t> Encode(const Bpe& bpe, const std::string& word) {
  BpeScratch scratch;
  std::vector<int32_t> ids;
  const auto status = bpe.Encode(word, scratch, &ids);
  EXPECT_TRUE(status.ok()) << status;
  return ids;
}

using Ids = std::vector<int32_t>;

TEST(Bpe, MergesByRankThenFromTheLeft) {
  const auto bpe = Bpe::Create(BytesAnd({"ab", "bc", "abc", "aa"}),
                               {{"b", "c"}, {"a", "b"}, {"a", "bc"}, {"a", "a"}}, false);
  ASSERT_TRUE(bpe.ok()) << bpe.status();
  EXPECT_EQ(Encode(*bpe, "ab"), Ids({256}));
  EXPECT_EQ(Encode(*bpe, "abc"), Ids({258}));       // bc first, then a + bc
  EXPECT_EQ(Encode(*bpe, "aaa"), Ids({259, 'a'}));  // the left pair of the two
  EXPECT_EQ(Encode(*bpe, "aaaaa"), Ids({259, 259, 'a'}));
  EXPECT_EQ(Encode(*bpe, "xyz"), Ids({'x', 'y', 'z'}));
  EXPECT_EQ(Encode(*bpe, ""), Ids());
  EXPECT_EQ(Encode(*bpe, "\xFF\x00"), Ids({255}));
}

TEST(Bpe, IgnoreMergesTakesWholeWords) {
  const Vocabulary vocabulary = BytesAnd({"ab", "abc", u8"\u0120a"});
  const auto by_merges = Bpe::Create(vocabulary, {{"a", "b"}}, false);
  const auto whole = Bpe::Create(vocabulary, {{"a", "b"}}, true);
  ASSERT_TRUE(by_merges.ok() && whole.ok());
  EXPECT_EQ(Encode(*by_merges, "abc"), Ids({256, 'c'}));
  EXPECT_EQ(Encode(*whole, "abc"), Ids({257}));
  EXPECT_EQ(Encode(*whole, " a"), Ids({258}));
  EXPECT_EQ(Encode(*whole, "abcd"), Ids({256, 'c', 'd'}));
}

TEST(Bpe, OfAPairThatIsListedTwiceTheLastCounts) {
  const auto bpe = Bpe::Create(BytesAnd({"ab", "bc"}), {{"a", "b"}, {"b", "c"}, {"a", "b"}}, false);
  ASSERT_TRUE(bpe.ok());
  EXPECT_EQ(Encode(*bpe, "abc"), Ids({'a', 257}));
}

TEST(Bpe, NamesWhatIsMissing) {
  const auto no_result = Bpe::Create(BytesAnd({}), {{"a", "b"}}, false);
  EXPECT_EQ(no_result.status().message(), "model.merges[0]: 'ab' is not in the vocabulary");
  const auto no_part = Bpe::Create(BytesAnd({"ab"}), {{"a", "b"}, {"ab", "zz"}}, false);
  EXPECT_EQ(no_part.status().message(), "model.merges[1]: 'zz' is not in the vocabulary");

  const auto bpe = Bpe::Create({{"a", 0}}, {}, false);
  ASSERT_TRUE(bpe.ok());
  BpeScratch scratch;
  Ids ids;
  EXPECT_EQ(bpe->Encode("a\n", scratch, &ids).message(),
            "the vocabulary has no token for byte 0x0A");
}

// 16,384 letters to one token through 14 merges, each halving the symbols.
TEST(Bpe, LongWords) {
  std::vector<std::string> tokens;
  std::vector<Merge> merges;
  for (int i = 1; i <= 14; ++i) {
    merges.emplace_back(std::string(1 << (i - 1), 'a'), std::string(1 << (i - 1), 'a'));
    tokens.push_back(std::string(1 << i, 'a'));
  }
  const auto bpe = Bpe::Create(BytesAnd(tokens), merges, false);
  ASSERT_TRUE(bpe.ok());
  EXPECT_EQ(Encode(*bpe, std::string(1 << 20, 'a')), Ids(64, 256 + 13));
}

}  // namespace
}  // namespace forensics::runner
