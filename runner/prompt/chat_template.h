// A checkpoint's own chat template.
#ifndef RUNNER_PROMPT_CHAT_TEMPLATE_H_
#define RUNNER_PROMPT_CHAT_TEMPLATE_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/prompt/jinja/template.h"

namespace forensics::runner {

struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

class ChatTemplate {
 public:
  // From chat_template.jinja in the checkpoint's folder, else `chat_template` of its
  // tokenizer_config.json: a string, or a list of {name, template} of which "default" is taken.
  // Special tokens (bos_token, ...) come from tokenizer_config.json. Errors name the file.
  static absl::StatusOr<ChatTemplate> FromCheckpoint(const std::string& directory);
  // `tokenizer_config` is the content of a tokenizer_config.json; `jinja` replaces its template.
  static absl::StatusOr<ChatTemplate> FromJson(absl::string_view tokenizer_config,
                                               std::optional<std::string> jinja = std::nullopt);

  // The conversation with the generation prompt, as transformers' apply_chat_template renders it
  // with add_generation_prompt=True. `enable_thinking` is passed on only if it is given. Errors
  // name the template's line.
  absl::StatusOr<std::string> Render(const std::vector<ChatMessage>& messages,
                                     std::optional<bool> enable_thinking = std::nullopt) const;

 private:
  ChatTemplate(jinja::Template parsed, std::vector<std::pair<std::string, std::string>> tokens)
      : template_(std::move(parsed)), special_tokens_(std::move(tokens)) {}

  jinja::Template template_;
  std::vector<std::pair<std::string, std::string>> special_tokens_;  // ("bos_token", "<s>")
};

}  // namespace forensics::runner

#endif  // RUNNER_PROMPT_CHAT_TEMPLATE_H_
