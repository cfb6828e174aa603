#include "runner/neighbours.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runner/prompt/chat_template.h"
#include "runner/prompt/document.h"
#include "runner/prompt/prompt.h"
#include "schema/command_line.h"

namespace forensics::runner {
namespace {

absl::StatusOr<Neighbour> FromDocument(const std::string& path, const Tokenizer& tokenizer,
                                       const ChatTemplate& chat_template, int64_t total_tokens,
                                       const PromptOptions& options) {
  const absl::StatusOr<Document> document = ReadDocument(path);
  if (!document.ok()) return document.status();
  absl::StatusOr<Prompt> prompt =
      BuildPromptOfLength(tokenizer, chat_template, *document, total_tokens, options);
  if (!prompt.ok()) {
    return absl::Status(prompt.status().code(),
                        absl::StrCat("neighbour ", prompt.status().message(), " (--neighbour)"));
  }
  if (static_cast<int64_t>(prompt->token_ids.size()) != total_tokens) {
    return absl::InternalError(absl::StrCat("neighbour ", document->name, ": ",
                                            prompt->token_ids.size(), " tokens, expected ",
                                            total_tokens));
  }
  Neighbour neighbour;
  neighbour.info.set_document(prompt->document_name);
  neighbour.info.set_document_sha256(prompt->document_sha256);
  neighbour.info.set_document_tokens(static_cast<int32_t>(prompt->document_tokens));
  neighbour.info.set_token_ids_sha256(prompt->token_ids_sha256);
  neighbour.token_ids = std::move(prompt->token_ids);
  return neighbour;
}

}  // namespace

absl::StatusOr<std::vector<Neighbour>> PrepareNeighbours(const schema::PromptSpec& spec,
                                                         const RunnerOptions& options,
                                                         const Tokenizer& tokenizer,
                                                         const schema::PromptInfo& prompt,
                                                         int batch_size) {
  std::vector<Neighbour> neighbours;
  const size_t count = static_cast<size_t>(batch_size - 1);
  if (count == 0) return neighbours;
  if (options.neighbours.size() < count) {
    return schema::UsageError(absl::StrCat("batch size ", batch_size, " needs ", count,
                                           " neighbours, found ", options.neighbours.size(),
                                           "; name each with --neighbour=PDF"));
  }
  const absl::StatusOr<ChatTemplate> chat_template = ChatTemplate::FromCheckpoint(options.model);
  if (!chat_template.ok()) return chat_template.status();
  // By token ids' digest, the sequence that has them.
  std::map<std::string, std::string> sequences = {
      {prompt.token_ids_sha256(), prompt.document().empty() ? "sequence 0" : prompt.document()}};
  for (size_t i = 0; i < count; ++i) {
    absl::StatusOr<Neighbour> neighbour =
        FromDocument(options.neighbours[i], tokenizer, *chat_template, prompt.token_ids_size(),
                     {spec.request(), options.enable_thinking});
    if (!neighbour.ok()) return neighbour.status();
    const auto [same, is_new] =
        sequences.emplace(neighbour->info.token_ids_sha256(), options.neighbours[i]);
    if (!is_new) {
      return absl::InvalidArgumentError(absl::StrCat("neighbour ", options.neighbours[i],
                                                     ": gives the same prompt as ", same->second,
                                                     "; the sequences of a batch must differ"));
    }
    neighbours.push_back(*std::move(neighbour));
  }
  return neighbours;
}

}  // namespace forensics::runner
