#include "runner/prompt/prompt.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runner/prompt/document_cut.h"
#include "runner/prompt/token_ids.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

struct Checkpoint {
  std::unique_ptr<Tokenizer> tokenizer;
  ChatTemplate chat_template;
};

Checkpoint Load(const std::string& directory) {
  auto tokenizer = Tokenizer::FromFile(directory + "/tokenizer.json");
  auto chat_template = ChatTemplate::FromCheckpoint(directory);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  EXPECT_TRUE(chat_template.ok()) << chat_template.status();
  return {*std::move(tokenizer), *std::move(chat_template)};
}

Document Doc(int number) {
  auto document =
      ReadDocument(absl::StrCat("testdata/mini_qwen3_moe/documents/doc", number, ".pdf"));
  EXPECT_TRUE(document.ok()) << document.status();
  return *std::move(document);
}

Document TextDocument(std::string text) { return {"test.txt", "", std::move(text)}; }

// The prompt is head, `tokens` tokens of the start of the document, tail.
void ExpectExact(const Checkpoint& checkpoint, const Prompt& prompt, const Document& document,
                 int64_t tokens, const std::string& head, const std::string& tail) {
  EXPECT_EQ(*checkpoint.tokenizer->Encode(prompt.text), prompt.token_ids);
  ASSERT_TRUE(absl::StartsWith(prompt.text, head));
  ASSERT_TRUE(absl::EndsWith(prompt.text, tail));
  const std::string part =
      prompt.text.substr(head.size(), prompt.text.size() - head.size() - tail.size());
  EXPECT_LT(document.text.find(part), 300u);  // the start, but for a few words
  const auto part_ids = checkpoint.tokenizer->Encode(part);
  ASSERT_TRUE(part_ids.ok()) << part_ids.status();
  EXPECT_EQ(static_cast<int64_t>(part_ids->size()), tokens);
  std::vector<int64_t> apart;
  for (const std::string& text : {head, part, tail}) {
    const auto ids = checkpoint.tokenizer->Encode(text);
    ASSERT_TRUE(ids.ok()) << ids.status();
    apart.insert(apart.end(), ids->begin(), ids->end());
  }
  EXPECT_EQ(prompt.token_ids, apart);
  EXPECT_EQ(prompt.document_tokens, tokens);
  EXPECT_EQ(prompt.token_ids_sha256, schema::TokenIdsSha256(prompt.token_ids));
}

constexpr char kHead[] = "<|im_start|>user\n";
constexpr char kTail[] =
    "\n\nProvide a summary of the text above.<|im_end|>\n<|im_start|>assistant\n";
constexpr char kNoThinking[] = "<think>\n\n</think>\n\n";

TEST(BuildPrompt, TheDefaultPromptIsExact) {
  const Checkpoint mini = Load("testdata/mini_qwen3_moe/awq");
  const Document document = Doc(0);
  const auto prompt = BuildPrompt(*mini.tokenizer, mini.chat_template, document, 6000);
  ASSERT_TRUE(prompt.ok()) << prompt.status();
  ExpectExact(mini, *prompt, document, 6000, kHead, kTail);
  // By brute force with transformers: of all cuts of pdftotext's output the longest that fits.
  EXPECT_EQ(prompt->token_ids.size(), 6023u);
  EXPECT_EQ(prompt->text.size(), 21'980u);
  EXPECT_EQ(prompt->token_ids_sha256,
            "a19d91eeadaf2b399bce4adb23274e35f7ad2fc2f8d57eb7b082ea26253298b0");
  EXPECT_EQ(prompt->document_name, "doc0.pdf");
  EXPECT_EQ(prompt->document_sha256, document.sha256);
}

TEST(BuildPrompt, EveryDocumentIsExact) {
  for (const char* directory : {"testdata/mini_qwen3_moe/awq", "testdata/qwen3_tokenizer"}) {
    const Checkpoint checkpoint = Load(directory);
    for (int number = 0; number < 4; ++number) {
      const Document document = Doc(number);
      // No start of doc1 has 201 tokens of the mini tokenizer: "16." has 200 and "16.2" has 202.
      for (int64_t tokens : {1, 201, 3000}) {
        const auto prompt =
            BuildPrompt(*checkpoint.tokenizer, checkpoint.chat_template, document, tokens);
        ASSERT_TRUE(prompt.ok()) << prompt.status();
        ExpectExact(checkpoint, *prompt, document, tokens, kHead, kTail);
      }
    }
  }
}

TEST(BuildPrompt, NeighboursHaveItsLength) {
  const Checkpoint mini = Load("testdata/mini_qwen3_moe/awq");
  const auto reference = BuildPrompt(*mini.tokenizer, mini.chat_template, Doc(0), 6000);
  ASSERT_TRUE(reference.ok()) << reference.status();
  for (int number = 1; number < 4; ++number) {
    const Document document = Doc(number);
    const auto prompt = BuildPromptOfLength(*mini.tokenizer, mini.chat_template, document,
                                            static_cast<int64_t>(reference->token_ids.size()));
    ASSERT_TRUE(prompt.ok()) << prompt.status();
    EXPECT_EQ(prompt->token_ids.size(), reference->token_ids.size());
    ExpectExact(mini, *prompt, document, 6000, kHead, kTail);
  }
}

TEST(BuildPrompt, TakesTheRequestAndThinking) {
  const Checkpoint mini = Load("testdata/mini_qwen3_moe/awq");
  const Document document = Doc(2);
  const auto prompt =
      BuildPrompt(*mini.tokenizer, mini.chat_template, document, 100, {"Translate it.", false});
  ASSERT_TRUE(prompt.ok()) << prompt.status();
  ExpectExact(mini, *prompt, document, 100, kHead,
              absl::StrCat("\n\nTranslate it.<|im_end|>\n<|im_start|>assistant\n", kNoThinking));
}

TEST(BuildPrompt, EndsWithAWholeToken) {
  const Checkpoint mini = Load("testdata/mini_qwen3_moe/awq");
  const Document document = TextDocument("the cat and the dog and the bird");
  const auto prompt = BuildPrompt(*mini.tokenizer, mini.chat_template, document, 4);
  ASSERT_TRUE(prompt.ok()) << prompt.status();
  const auto whole = mini.tokenizer->Encode(document.text);
  const std::string four = mini.tokenizer->Decode({whole->data(), 4});
  EXPECT_TRUE(absl::StartsWith(prompt->text, absl::StrCat(kHead, four, "\n\n"))) << prompt->text;
}

// In Qwen's expression punctuation takes the line breaks behind it: ".\n\n" is one token. With a
// text of nothing else, no cut is clean; the count is exact all the same.
TEST(BuildPrompt, IsExactWhereTokensCrossTheBorder) {
  const Checkpoint qwen3 = Load("testdata/qwen3_tokenizer");
  std::string points;
  for (int i = 0; i < 400; ++i) points += i % 2 ? "." : "\u3002";
  const Document document = TextDocument(points);
  const auto frame =
      qwen3.tokenizer->Encode(kHead)->size() + qwen3.tokenizer->Encode(kTail)->size();
  for (int64_t tokens : {1, 2, 50, 51}) {
    const auto prompt = BuildPrompt(*qwen3.tokenizer, qwen3.chat_template, document, tokens);
    ASSERT_TRUE(prompt.ok()) << prompt.status();
    EXPECT_EQ(prompt->token_ids.size(), frame + tokens);
    EXPECT_EQ(*qwen3.tokenizer->Encode(prompt->text), prompt->token_ids);
  }
}

TEST(BuildPrompt, CutsBetweenCodePoints) {
  const Checkpoint mini = Load("testdata/mini_qwen3_moe/awq");
  std::string text;
  for (int i = 0; i < 100; ++i) text += u8"\u65E5\U0001F642e\u0301";
  for (int64_t tokens = 90; tokens < 100; ++tokens) {
    const auto prompt =
        BuildPrompt(*mini.tokenizer, mini.chat_template, TextDocument(text), tokens);
    // Three or four tokens to a character: some numbers cannot be had.
    if (!prompt.ok()) {
      EXPECT_TRUE(
          absl::StrContains(prompt.status().message(), "no cut of the document has exactly"))
          << prompt.status();
      continue;
    }
    EXPECT_EQ(*mini.tokenizer->Encode(prompt->text), prompt->token_ids);
  }
}

TEST(BuildPrompt, SaysWhyItCannot) {
  const Checkpoint mini = Load("testdata/mini_qwen3_moe/awq");
  const auto build = [&](std::string text, int64_t tokens) {
    const auto prompt =
        BuildPrompt(*mini.tokenizer, mini.chat_template, TextDocument(std::move(text)), tokens);
    return std::string(prompt.status().message());
  };
  EXPECT_EQ(build("1234", 6000),
            "test.txt: the document is too short: it has 4 tokens, 6000 are wanted");
  EXPECT_EQ(build("1234", 0), "test.txt: a document of 0 tokens cannot be made");
  EXPECT_EQ(build(u8"\U00010348\U00010348", 2),
            "test.txt: no cut of the document has exactly 2 tokens; the nearest have 0 and 4");
  const auto no_room =
      BuildPromptOfLength(*mini.tokenizer, mini.chat_template, TextDocument("some text"), 10);
  EXPECT_TRUE(absl::StartsWith(no_room.status().message(),
                               "a prompt of 10 tokens has no room for a document"));
}

TEST(BuildPrompt, RefusesTemplatesThatChangeTheDocument) {
  const Checkpoint mini = Load("testdata/mini_qwen3_moe/awq");
  const auto build = [&](const std::string& source) {
    const auto chat_template = ChatTemplate::FromJson("{}", source);
    EXPECT_TRUE(chat_template.ok()) << chat_template.status();
    const auto prompt =
        BuildPrompt(*mini.tokenizer, *chat_template, TextDocument("some text here"), 2);
    return std::string(prompt.status().message());
  };
  EXPECT_EQ(build("x{{ messages[0].content | lower }}"),
            "the chat template renders the user message changed or not at all");
  EXPECT_EQ(build("{{ messages[0].content }}{{ messages[0].content }}"),
            "the chat template renders the user message more than once");
  EXPECT_EQ(build("{{ messages[0].content | replace('some', 'one') }}"),
            "test.txt: the chat template changes the document's text");
  EXPECT_EQ(build("{{ nope.x }}"),
            "chat template, line 1: 'nope' is undefined and has no attribute 'x'");
}

}  // namespace
}  // namespace forensics::runner
