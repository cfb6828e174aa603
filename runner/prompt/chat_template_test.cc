#include "runner/prompt/chat_template.h"

#include <cstdlib>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "schema/atomic_file.h"

namespace forensics::runner {
namespace {

TEST(ChatTemplate, RendersTheCheckpointsOwn) {
  for (const char* directory : {"testdata/mini_qwen3_moe/awq", "testdata/qwen3_tokenizer"}) {
    const auto chat = ChatTemplate::FromCheckpoint(directory);
    ASSERT_TRUE(chat.ok()) << chat.status();
    EXPECT_EQ(*chat->Render({{"user", "Hi"}}),
              "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
    EXPECT_EQ(*chat->Render({{"system", "Be brief."}, {"user", "Hi"}}, true),
              "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
              "<|im_start|>assistant\n");
    EXPECT_EQ(*chat->Render({{"user", "Hi"}}, false),
              "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n");
  }
}

TEST(ChatTemplate, ReadsEveryForm) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"chat_template": "{{ messages[0].content }}!"})", "Hi!"},
      {R"({"chat_template": [{"name": "tool_use", "template": "no"},
                             {"name": "default", "template": "yes"}]})",
       "yes"},
      {R"({"bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": null,
           "chat_template": "{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}"})",
       "<s></s>False"},
      {R"({"chat_template": "{{ tools is none }}{{ documents is none }}{{ enable_thinking }}"})",
       "TrueTrue"},
  };
  for (const auto& [config, text] : cases) {
    const auto chat = ChatTemplate::FromJson(config);
    ASSERT_TRUE(chat.ok()) << chat.status();
    EXPECT_EQ(*chat->Render({{"user", "Hi"}}), text);
  }
}

TEST(ChatTemplate, TheJinjaFileGoesFirst) {
  const std::string directory = std::string(std::getenv("TEST_TMPDIR")) + "/jinja";
  ASSERT_TRUE(schema::WriteFileAtomically(directory + "/tokenizer_config.json",
                                          R"({"bos_token": "<s>", "chat_template": "json"})")
                  .ok());
  EXPECT_EQ(*ChatTemplate::FromCheckpoint(directory)->Render({}), "json");
  const std::string jinja = directory + "/chat_template.jinja";
  ASSERT_TRUE(schema::WriteFileAtomically(jinja, "{{ bos_token }}file\n").ok());
  EXPECT_EQ(*ChatTemplate::FromCheckpoint(directory)->Render({}), "<s>file");
  ASSERT_TRUE(schema::WriteFileAtomically(jinja, "\n{% if %}").ok());
  EXPECT_EQ(ChatTemplate::FromCheckpoint(directory).status().message(),
            jinja + ": chat template, line 2: expected an expression, found '%}'");
}

TEST(ChatTemplate, NamesWhatIsWrong) {
  const std::pair<std::string, std::string> cases[] = {
      {"{}", "no chat_template"},
      {R"({"chat_template": null})", "no chat_template"},
      {R"({"chat_template": 5})", "chat_template: expected a string or a list"},
      {R"({"chat_template": [{"name": "rag", "template": "x"}, 7]})",
       "chat_template: no template in the list is named 'default'"},
      {"[]", "not a JSON object"},
      {"{", "not JSON: "},
  };
  for (const auto& [config, message] : cases) {
    const auto chat = ChatTemplate::FromJson(config);
    ASSERT_FALSE(chat.ok()) << config;
    EXPECT_EQ(std::string(chat.status().message()).substr(0, message.size()), message);
  }
  const auto missing = ChatTemplate::FromCheckpoint("testdata/none");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.status().message().find("testdata/none/tokenizer_config.json"),
            std::string::npos);
  const auto raises = ChatTemplate::FromJson(
      R"({"chat_template": "{{ raise_exception('no system message, please') }}"})");
  EXPECT_EQ(raises->Render({}).status().message(),
            "chat template, line 1: the template says: no system message, please");
}

}  // namespace
}  // namespace forensics::runner
