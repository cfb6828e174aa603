#include "runner/prompt/prompt.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runner/prompt/document_cut.h"
#include "runner/prompt/token_ids.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

absl::StatusOr<std::string> Render(const ChatTemplate& chat_template, absl::string_view document,
                                   const PromptOptions& options) {
  return chat_template.Render({{"user", absl::StrCat(document, "\n\n", options.request)}},
                              options.enable_thinking);
}

// What the template puts around a document: it is rendered with a word that occurs nowhere else.
absl::StatusOr<PromptFrame> RenderFrame(const Tokenizer& tokenizer,
                                        const ChatTemplate& chat_template,
                                        const PromptOptions& options) {
  constexpr absl::string_view kMark = "DOCUMENT-6f1c0b52d7e94a38";
  const auto text = Render(chat_template, kMark, options);
  if (!text.ok()) return text.status();
  const size_t at = text->find(kMark.data(), 0, kMark.size());
  if (at == std::string::npos ||
      text->find(kMark.data(), at + 1, kMark.size()) != std::string::npos) {
    return absl::FailedPreconditionError(
        absl::StrCat("the chat template renders the user message ",
                     at == std::string::npos ? "changed or not at all" : "more than once"));
  }
  return MakeFrame(tokenizer, text->substr(0, at), text->substr(at + kMark.size()));
}

absl::StatusOr<Prompt> Build(const Tokenizer& tokenizer, const ChatTemplate& chat_template,
                             const PromptFrame& frame, const Document& document,
                             int64_t document_tokens, const PromptOptions& options) {
  auto cut = CutDocument(tokenizer, frame, document.text, document_tokens);
  if (!cut.ok()) {
    return absl::Status(cut.status().code(),
                        absl::StrCat(document.name, ": ", cut.status().message()));
  }
  const absl::string_view part = absl::string_view(document.text).substr(cut->start, cut->size);
  auto text = Render(chat_template, part, options);
  if (!text.ok()) return text.status();
  if (*text != absl::StrCat(frame.head, part, frame.tail)) {
    return absl::FailedPreconditionError(
        absl::StrCat(document.name, ": the chat template changes the document's text"));
  }
  Prompt prompt;
  prompt.document_name = document.name;
  prompt.document_sha256 = document.sha256;
  prompt.document_tokens = document_tokens;
  prompt.text = *std::move(text);
  prompt.token_ids = std::move(cut->token_ids);
  prompt.token_ids_sha256 = schema::TokenIdsSha256(prompt.token_ids);
  return prompt;
}

}  // namespace

absl::StatusOr<Prompt> BuildPrompt(const Tokenizer& tokenizer, const ChatTemplate& chat_template,
                                   const Document& document, int64_t document_tokens,
                                   const PromptOptions& options) {
  const auto frame = RenderFrame(tokenizer, chat_template, options);
  if (!frame.ok()) return frame.status();
  return Build(tokenizer, chat_template, *frame, document, document_tokens, options);
}

absl::StatusOr<Prompt> BuildPromptOfLength(const Tokenizer& tokenizer,
                                           const ChatTemplate& chat_template,
                                           const Document& document, int64_t total_tokens,
                                           const PromptOptions& options) {
  const auto frame = RenderFrame(tokenizer, chat_template, options);
  if (!frame.ok()) return frame.status();
  if (total_tokens <= frame->tokens()) {
    return absl::InvalidArgumentError(absl::StrCat("a prompt of ", total_tokens,
                                                   " tokens has no room for a document: template ",
                                                   "and request take ", frame->tokens()));
  }
  return Build(tokenizer, chat_template, *frame, document, total_tokens - frame->tokens(), options);
}

}  // namespace forensics::runner
