#include "runner/tokenizer/tokenizer_json.h"

#include <string>
#include <utility>

#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

constexpr char kFile[] = R"({
  "version": "1.0", "truncation": null, "padding": null,
  "added_tokens": [{"id": 3, "content": "<e>", "single_word": true, "lstrip": true,
                    "rstrip": true, "normalized": true, "special": true}],
  "normalizer": {"type": "NFC"},
  "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": {"Regex": "\\d"}, "behavior": "Isolated", "invert": false},
    {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}]},
  "post_processor": null,
  "decoder": {"type": "ByteLevel"},
  "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": "",
            "end_of_word_suffix": null, "byte_fallback": false, "ignore_merges": true,
            "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}
})";

TEST(ParseTokenizerJson, ReadsEverything) {
  const auto spec = ParseTokenizerJson(kFile);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->vocabulary, (Vocabulary{{"a", 0}, {"b", 1}, {"ab", 2}}));
  EXPECT_EQ(spec->merges, (std::vector<Merge>{{"a", "b"}}));
  EXPECT_TRUE(spec->ignore_merges);
  EXPECT_TRUE(spec->nfc);
  EXPECT_EQ(spec->split_patterns, std::vector<std::string>{"\\d"});
  ASSERT_EQ(spec->added_tokens.size(), 1u);
  const AddedToken& token = spec->added_tokens[0];
  EXPECT_EQ(token.content, "<e>");
  EXPECT_TRUE(token.single_word && token.lstrip && token.rstrip && token.normalized &&
              token.special);
}

TEST(ParseTokenizerJson, ReadsTheOtherForms) {
  const auto spec = ParseTokenizerJson(
      absl::StrReplaceAll(kFile, {{R"([["a", "b"]])", R"(["#version: 0.2", "a b"])"},
                                  {R"("type": "NFC")", R"("type": "Sequence", "normalizers": [])"},
                                  {R"("use_regex": false)", R"("use_regex": true)"}}));
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->merges, (std::vector<Merge>{{"a", "b"}}));
  EXPECT_FALSE(spec->nfc);
  EXPECT_EQ(spec->split_patterns.size(), 2u);  // GPT-2's own expression after the file's
}

TEST(ParseTokenizerJson, NamesWhatItRefuses) {
  struct Case {
    std::string from, to, message;
  };
  const Case cases[] = {
      {R"("type": "NFC")", R"("type": "Lowercase")", "normalizer: type Lowercase is not supported"},
      {R"("type": "NFC")", R"("type": "Sequence", "normalizers": [{"type": "NFD"}])",
       "normalizer.normalizers[0]: type NFD is not supported"},
      {R"("type": "NFC")", R"("type": "Sequence")", "normalizer.normalizers: expected an array"},
      {R"("normalizer": {"type": "NFC"})", R"("normalizer": 1)", "normalizer: expected an object"},
      {R"("type": "Split")", R"("type": "Digits")",
       "pre_tokenizer.pretokenizers[0]: type Digits is not supported"},
      {R"("Isolated")", R"("Removed")",
       "pre_tokenizer.pretokenizers[0].behavior: Removed is not supported"},
      {R"("Regex")", R"("String")",
       "pre_tokenizer.pretokenizers[0].pattern: anything but a Regex is not supported"},
      {R"("add_prefix_space": false)", R"("add_prefix_space": true)",
       "pre_tokenizer.pretokenizers[1].add_prefix_space: true is not supported"},
      {R"("type": "ByteLevel", "add_prefix_space")", R"("type": "Metaspace", "add_prefix_space")",
       "pre_tokenizer.pretokenizers[1]: type Metaspace is not supported"},
      {R"("decoder": {"type": "ByteLevel"})", R"("decoder": null)",
       "decoder: one without ByteLevel is not supported"},
      {R"("decoder": {"type": "ByteLevel"})", R"("decoder": {"type": "WordPiece"})",
       "decoder: type WordPiece is not supported"},
      {R"("BPE")", R"("Unigram")", "model.type: Unigram is not supported"},
      {R"("dropout": null)", R"("dropout": 0.1)",
       "model.dropout: dropping merges at random is not supported"},
      {R"("end_of_word_suffix": null)", R"("end_of_word_suffix": "</w>")",
       "model.end_of_word_suffix: an affix is not supported"},
      {R"("byte_fallback": false)", R"("byte_fallback": true)",
       "model.byte_fallback: true is not supported"},
      {R"("ignore_merges": true)", R"("ignore_merges": 1)",
       "model.ignore_merges: expected true or false"},
      {R"("b": 1)", R"("b": 0)", "model.vocab: two tokens have the id 0"},
      {R"("b": 1)", R"("a": 1)", "model.vocab: 'a' is there twice"},
      {R"("b": 1)", R"("b": -1)", "model.vocab['b']: id -1 is not in [0, 4194304)"},
      {R"("b": 1)", R"("b": 1.5)", "model.vocab['b']: expected an integer"},
      {R"({"a": 0, "b": 1, "ab": 2})", "{}", "model.vocab: expected an object with tokens"},
      {R"([["a", "b"]])", R"([["a"]])", R"(model.merges[0]: expected ["a", "b"] or "a b")"},
      {R"([["a", "b"]])", R"(["a b c"])", R"(model.merges[0]: expected ["a", "b"] or "a b")"},
      {R"([["a", "b"]])", "null", "model.merges: expected an array"},
      {R"("id": 3, )", "", "added_tokens[0].id: expected an integer"},
      {R"("content": "<e>")", R"("content": 5)", "added_tokens[0].content: expected a string"},
      {R"("lstrip": true)", R"("lstrip": "yes")", "added_tokens[0].lstrip: expected true or false"},
      {R"("model")", R"("modell")", "model: expected an object"},
      {R"("version": "1.0",)", R"("version": "1.0)", "not JSON: at byte "},
      {R"("<e>")", "\"\xC3\"", "not JSON: at byte "},
  };
  for (const Case& c : cases) {
    const std::string json = absl::StrReplaceAll(kFile, {{c.from, c.to}});
    ASSERT_NE(json, kFile) << c.from;
    const auto spec = ParseTokenizerJson(json);
    ASSERT_FALSE(spec.ok()) << c.to;
    EXPECT_EQ(spec.status().message().substr(0, c.message.size()), c.message);
  }
  EXPECT_EQ(ParseTokenizerJson("[]").status().message(), "not a JSON object");
  EXPECT_FALSE(ParseTokenizerJson("").ok());
  EXPECT_FALSE(ParseTokenizerJson(std::string(1'000'000, '[')).ok());
}

}  // namespace
}  // namespace forensics::runner
