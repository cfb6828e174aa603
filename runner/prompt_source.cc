#include "runner/prompt_source.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runner/prompt/chat_template.h"
#include "runner/prompt/document.h"
#include "runner/prompt/prompt.h"
#include "runner/prompt/token_ids.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

absl::StatusOr<schema::PromptInfo> FromTokenIds(const std::string& path, const Tokenizer& tokenizer,
                                                int64_t vocab_size) {
  const absl::StatusOr<std::vector<int64_t>> ids = ReadTokenIds(path, vocab_size);
  if (!ids.ok()) return ids.status();
  schema::PromptInfo info;
  info.set_text(tokenizer.DecodeUtf8(*ids));
  info.mutable_token_ids()->Add(ids->begin(), ids->end());
  info.set_token_ids_sha256(schema::TokenIdsSha256(*ids));
  return info;
}

absl::StatusOr<schema::PromptInfo> FromDocument(const schema::PromptSpec& spec,
                                                const RunnerOptions& options,
                                                const Tokenizer& tokenizer) {
  const absl::StatusOr<ChatTemplate> chat_template = ChatTemplate::FromCheckpoint(options.model);
  if (!chat_template.ok()) return chat_template.status();
  const absl::StatusOr<Document> document = ReadDocument(options.document);
  if (!document.ok()) return document.status();
  absl::StatusOr<Prompt> prompt =
      BuildPrompt(tokenizer, *chat_template, *document, spec.document_tokens(),
                  {spec.request(), options.enable_thinking});
  if (!prompt.ok()) {
    return absl::Status(prompt.status().code(),
                        absl::StrCat(prompt.status().message(), " (--document_tokens)"));
  }
  schema::PromptInfo info;
  info.set_document(prompt->document_name);
  info.set_document_sha256(prompt->document_sha256);
  info.set_document_tokens(static_cast<int32_t>(prompt->document_tokens));
  info.set_text(std::move(prompt->text));
  info.mutable_token_ids()->Add(prompt->token_ids.begin(), prompt->token_ids.end());
  info.set_token_ids_sha256(prompt->token_ids_sha256);
  return info;
}

// An id beyond the model's vocabulary would be an unreadable error far from its cause.
absl::Status CheckVocabulary(const schema::PromptInfo& info, const RunnerOptions& options,
                             int64_t vocab_size) {
  for (const int64_t id : info.token_ids()) {
    if (id >= 0 && id < vocab_size) continue;
    return absl::InvalidArgumentError(absl::StrCat(options.model, "/tokenizer.json: gives id ", id,
                                                   ", but the model's vocabulary has ", vocab_size,
                                                   " entries"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<schema::PromptInfo> PreparePrompt(const schema::PromptSpec& spec,
                                                 const RunnerOptions& options,
                                                 const Tokenizer& tokenizer, int64_t vocab_size) {
  if (!options.prompt_tokens.empty()) {
    return FromTokenIds(options.prompt_tokens, tokenizer, vocab_size);
  }
  absl::StatusOr<schema::PromptInfo> info = FromDocument(spec, options, tokenizer);
  if (!info.ok()) return info;
  if (absl::Status status = CheckVocabulary(*info, options, vocab_size); !status.ok()) {
    return status;
  }
  return info;
}

}  // namespace forensics::runner
