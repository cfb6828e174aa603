#include "runner/tokenizer/tokenizer.h"

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "rapidjson/document.h"
#include "schema/atomic_file.h"

namespace forensics::runner {
namespace {

constexpr char kMini[] = "testdata/mini_qwen3_moe/awq/tokenizer.json";
constexpr char kQwen3[] = "testdata/qwen3_tokenizer/tokenizer.json";

std::unique_ptr<Tokenizer> Load(const std::string& path) {
  auto tokenizer = Tokenizer::FromFile(path);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return *std::move(tokenizer);
}

std::vector<int64_t> Ids(const rapidjson::Value& array) {
  std::vector<int64_t> ids;
  for (const auto& id : array.GetArray()) ids.push_back(id.GetInt64());
  return ids;
}

// Each case of the file `goldens`: the text's ids and what they decode to.
void ExpectGoldens(const Tokenizer& tokenizer, const std::string& goldens, const char* ids_name,
                   const char* decoded_name, size_t least) {
  const auto json = schema::ReadFile(goldens);
  ASSERT_TRUE(json.ok()) << json.status();
  rapidjson::Document document;
  document.Parse(json->data(), json->size());
  ASSERT_FALSE(document.HasParseError());
  const auto& cases = document["cases"];
  EXPECT_GE(cases.Size(), least);
  for (const auto& golden : cases.GetArray()) {
    const std::string text(golden["text"].GetString(), golden["text"].GetStringLength());
    const auto ids = tokenizer.Encode(text);
    ASSERT_TRUE(ids.ok()) << ids.status();
    EXPECT_EQ(*ids, Ids(golden[ids_name])) << text;
    const auto& decoded = golden[decoded_name];
    EXPECT_EQ(tokenizer.DecodeUtf8(*ids),
              std::string(decoded.GetString(), decoded.GetStringLength()));
  }
}

TEST(Tokenizer, AgreesWithHuggingFaceOnTheMiniModel) {
  const auto tokenizer = Load(kMini);
  ExpectGoldens(*tokenizer, "testdata/mini_qwen3_moe/goldens/tokenizer.json", "ids", "decoded", 60);
  ExpectGoldens(*tokenizer, "runner/tokenizer/goldens.json", "mini", "qwen3_decoded", 30);
}

TEST(Tokenizer, AgreesWithHuggingFaceOnQwen3) {
  const auto tokenizer = Load(kQwen3);
  ExpectGoldens(*tokenizer, "testdata/qwen3_tokenizer/goldens.json", "ids", "decoded", 60);
  ExpectGoldens(*tokenizer, "runner/tokenizer/goldens.json", "qwen3", "qwen3_decoded", 30);
  EXPECT_EQ(tokenizer->vocab_size(), 151669);
  EXPECT_EQ(tokenizer->IdOf("<|im_end|>"), 151645);
  EXPECT_EQ(tokenizer->IdOf(u8"\u0120the"), 279);
  EXPECT_EQ(tokenizer->IdOf(" the"), std::nullopt);
}

TEST(Tokenizer, AgreesOnThePrompts) {
  const auto tokenizer = Load(kMini);
  const auto json = schema::ReadFile("testdata/mini_qwen3_moe/goldens/prompts.json");
  ASSERT_TRUE(json.ok()) << json.status();
  rapidjson::Document document;
  document.Parse(json->data(), json->size());
  ASSERT_FALSE(document.HasParseError());
  ASSERT_GT(document["prompts"].Size(), 0u);
  for (const auto& prompt : document["prompts"].GetArray()) {
    const auto ids = tokenizer->Encode(prompt["text"].GetString());
    ASSERT_TRUE(ids.ok()) << ids.status();
    EXPECT_EQ(*ids, Ids(prompt["ids"]));
  }
}

TEST(Tokenizer, DecodesTokensThatEndWithinACharacter) {
  const auto tokenizer = Load(kMini);
  const std::vector<int64_t> ids = {162, 245, 98, 172, 253, 247, 224};  // U+65E5, U+1F642
  EXPECT_EQ(tokenizer->Decode({ids.data(), 2}), "\xE6\x97");
  EXPECT_EQ(tokenizer->DecodeUtf8({ids.data(), 2}), u8"\uFFFD");
  EXPECT_EQ(tokenizer->DecodeUtf8({ids.data() + 1, 6}), u8"\uFFFD\uFFFD\U0001F642");
  EXPECT_EQ(tokenizer->Decode({-1, 4096, 1 << 30}), "");  // no such tokens
}

TEST(Tokenizer, RefusesWhatIsNotUtf8) {
  const auto ids = Load(kMini)->Encode("caf\xC3");
  EXPECT_EQ(ids.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ids.status().message(), "the text is not UTF-8 at byte 3");
}

// Quadratic work on any of these would take minutes.
TEST(Tokenizer, LongRunsTakeLinearTime) {
  const auto tokenizer = Load(kMini);
  for (const char* unit : {"a", " ", "\n", "ab", u8"\u65E5", "<", "!", "1"}) {
    std::string text;
    while (text.size() < 1'000'000) text += unit;
    const auto ids = tokenizer->Encode(text);
    ASSERT_TRUE(ids.ok()) << ids.status();
    EXPECT_EQ(tokenizer->Decode(*ids).size(), text.size()) << unit;
  }
}

TEST(Tokenizer, ThreadsShareOne) {
  const auto tokenizer = Load(kMini);
  const std::string text = "The quick brown fox, 1234 times. <|im_end|> caf\u00E9";
  const auto expected = tokenizer->Encode(text);
  ASSERT_TRUE(expected.ok());
  std::vector<std::thread> threads;
  std::vector<int> agreed(4, 0);
  for (int& count : agreed) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const auto ids = tokenizer->Encode(text);
        count += ids.ok() && *ids == *expected;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(agreed, std::vector<int>(4, 200));
}

// A file of one's own, with `added` as added_tokens and bytes a, b, c and the space.
std::string Json(const std::string& added, const std::string& normalizer = "null") {
  return absl::StrCat(
      R"({"added_tokens": [)", added, R"(], "normalizer": )", normalizer,
      R"(, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
           "decoder": {"type": "ByteLevel"},
           "model": {"vocab": {"a": 0, "b": 1, "c": 2, "Ġ": 3, "ab": 4, "Ã": 5, "©": 6},
                     "merges": ["a b"]}})");
}

TEST(Tokenizer, LooksForNormalizedTokensInNormalizedText) {
  const std::string nfc = R"({"type": "NFC"})";
  const std::string raw = R"({"id": 7, "content": "e\u0301", "normalized": false})";
  const std::string normalized = R"({"id": 7, "content": "e\u0301", "normalized": true})";
  const auto by_text = Tokenizer::FromJson(Json(raw, nfc));
  const auto by_form = Tokenizer::FromJson(Json(normalized, nfc));
  ASSERT_TRUE(by_text.ok() && by_form.ok());
  using Result = std::vector<int64_t>;
  EXPECT_EQ(*(*by_text)->Encode(u8"ae\u0301\u00E9b"), Result({0, 7, 5, 6, 1}));
  EXPECT_EQ(*(*by_form)->Encode(u8"ae\u0301\u00E9b"), Result({0, 7, 7, 1}));
}

TEST(Tokenizer, AddedTokensMayBeOrdinaryOnesToo) {
  const auto tokenizer = Tokenizer::FromJson(Json(R"({"id": 4, "content": "ab"})"));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ(*(*tokenizer)->Encode("cab ab"), (std::vector<int64_t>{2, 4, 3, 4}));
  EXPECT_EQ((*tokenizer)->vocab_size(), 7);
}

TEST(Tokenizer, NamesContradictions) {
  EXPECT_EQ(Tokenizer::FromJson(Json(R"({"id": 9, "content": "ab"})")).status().message(),
            "added token 'ab' has the id 9, but also 4");
  EXPECT_EQ(Tokenizer::FromJson(Json(R"({"id": 4, "content": "<x>"})")).status().message(),
            "token '<x>' has the id 4, which another token has too");
  const auto tokenizer = Tokenizer::FromJson(Json(""));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_EQ((*tokenizer)->Encode("abz").status().message(),
            "the vocabulary has no token for byte 0x7A");
}

TEST(Tokenizer, ErrorsNameTheFile) {
  const auto missing = Tokenizer::FromFile("testdata/none.json");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.status().message().find("testdata/none.json"), std::string::npos);
  const auto other = Tokenizer::FromFile("testdata/mini_qwen3_moe/awq/config.json");
  EXPECT_EQ(other.status().message(),
            "testdata/mini_qwen3_moe/awq/config.json: model: expected an object");
}

// What a file says whose vocabulary or merges begin with `start` and go on with `repeated`.
std::string MessageOf(const std::string& start, absl::string_view repeated, int times,
                      const std::string& end) {
  const std::string path = testing::TempDir() + "/hostile.json";
  std::string text = start;
  for (int i = 0; i < times; ++i) text.append(repeated.data(), repeated.size());
  EXPECT_TRUE(schema::WriteFileAtomically(path, text + end).ok());
  const auto tokenizer = Tokenizer::FromFile(path);
  EXPECT_FALSE(tokenizer.ok());
  EXPECT_EQ(tokenizer.status().message().substr(0, path.size() + 2), path + ": ");
  return std::string(tokenizer.status().message().substr(
      std::min(path.size() + 2, tokenizer.status().message().size())));
}

TEST(Tokenizer, HostileTablesAreErrorsThatNameTheFile) {
  const std::string merges =
      MessageOf(R"({"model":{"vocab":{"a":0},"merges":["a a")", R"(,"a a")", 10'000'000, "]}}");
  EXPECT_NE(merges.find(": more than 8000000 values"), std::string::npos) << merges;
  // 100 MB that are no text of byte-level BPE, and a byte that is no UTF-8.
  EXPECT_LT(MessageOf(R"({"model":{"vocab":{")", "0123456789 ", 10'000'000, R"(":0},"merges":[]}})")
                .size(),
            1000u);
  EXPECT_EQ(MessageOf("{\"model\":{\"vocab\":{\"", "\xff", 1, "\":0}}}"),
            "not JSON: at byte 20: Invalid encoding in string.");
}

}  // namespace
}  // namespace forensics::runner
