#include "runner/tokenizer/tokenizer.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "runner/tokenizer/byte_level.h"
#include "runner/tokenizer/nfc.h"
#include "runner/tokenizer/unicode.h"
#include "schema/atomic_file.h"

namespace forensics::runner {
namespace {

// Natural text repeats its words; these bound what is remembered of text that does not.
constexpr size_t kMaxCachedWords = 1 << 17;
constexpr size_t kMaxCachedWordSize = 64;

// Puts `token` into the id tables. Text and id must not contradict what is there.
absl::Status Register(absl::string_view token, int32_t id, Vocabulary* id_of_token,
                      std::vector<std::string>* bytes_of_id) {
  const auto [entry, is_new] = id_of_token->try_emplace(token, id);
  if (entry->second != id) {
    return absl::InvalidArgumentError(
        absl::StrCat("added token '", token, "' has the id ", id, ", but also ", entry->second));
  }
  if (!is_new && static_cast<size_t>(id) < bytes_of_id->size()) return absl::OkStatus();
  if (static_cast<size_t>(id) >= bytes_of_id->size()) bytes_of_id->resize(id + 1);
  std::string& bytes = (*bytes_of_id)[id];
  if (!bytes.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("token '", token, "' has the id ", id, ", which another token has too"));
  }
  // A character outside the byte-level alphabet makes the whole token stand for itself.
  bytes = CharactersToBytes(token).value_or(std::string(token));
  return absl::OkStatus();
}

}  // namespace

// The work space of one Encode().
struct Tokenizer::Scratch {
  MatchScratch match;
  BpeScratch bpe;
  std::vector<absl::string_view> pieces;
  std::vector<absl::string_view> next_pieces;
  std::deque<std::string> normalized;  // keeps the texts that `words` points to
  std::vector<int32_t> ids;            // the result so far
  struct Range {
    size_t start;
    size_t size;
  };
  absl::flat_hash_map<absl::string_view, Range> words;  // where in `ids` a word's tokens are
};

Tokenizer::Tokenizer(Bpe bpe, std::vector<SplitRegex> splits, bool nfc, std::vector<AddedToken> raw,
                     std::vector<AddedToken> normalized)
    : bpe_(std::move(bpe)),
      splits_(std::move(splits)),
      nfc_(nfc),
      raw_tokens_(std::move(raw)),
      normalized_tokens_(std::move(normalized)) {}

absl::StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::FromFile(const std::string& path) {
  const auto json = schema::ReadFile(path);
  if (!json.ok()) return json.status();
  auto tokenizer = FromJson(*json);
  if (!tokenizer.ok()) {
    return absl::Status(tokenizer.status().code(),
                        absl::StrCat(path, ": ", tokenizer.status().message()));
  }
  return tokenizer;
}

absl::StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::FromJson(absl::string_view json) {
  auto spec = ParseTokenizerJson(json);
  if (!spec.ok()) return spec.status();
  auto bpe = Bpe::Create(spec->vocabulary, spec->merges, spec->ignore_merges);
  if (!bpe.ok()) return bpe.status();
  std::vector<SplitRegex> splits;
  for (const std::string& pattern : spec->split_patterns) {
    auto split = SplitRegex::Create(pattern);
    if (!split.ok()) return split.status();
    splits.push_back(*std::move(split));
  }
  Vocabulary id_of_token;
  std::vector<std::string> bytes_of_id;
  for (const auto& [token, id] : spec->vocabulary) {
    if (auto status = Register(token, id, &id_of_token, &bytes_of_id); !status.ok()) return status;
  }
  std::vector<AddedToken> raw;
  std::vector<AddedToken> normalized;
  for (AddedToken& token : spec->added_tokens) {
    if (auto status = Register(token.content, token.id, &id_of_token, &bytes_of_id); !status.ok()) {
      return status;
    }
    if (token.normalized && spec->nfc) token.content = ToNfc(token.content);
    (token.normalized ? normalized : raw).push_back(std::move(token));
  }
  std::unique_ptr<Tokenizer> tokenizer(new Tokenizer(*std::move(bpe), std::move(splits), spec->nfc,
                                                     std::move(raw), std::move(normalized)));
  tokenizer->id_of_token_ = std::move(id_of_token);
  tokenizer->bytes_of_id_ = std::move(bytes_of_id);
  return tokenizer;
}

absl::StatusOr<std::vector<int64_t>> Tokenizer::Encode(absl::string_view text) const {
  if (const auto invalid = FirstInvalidUtf8(text)) {
    return absl::InvalidArgumentError(absl::StrCat("the text is not UTF-8 at byte ", *invalid));
  }
  Scratch scratch;
  std::vector<AddedTokenFinder::Segment> segments;
  raw_tokens_.Split(text, &segments);
  for (const auto& segment : segments) {
    if (segment.id >= 0) {
      scratch.ids.push_back(segment.id);
      continue;
    }
    absl::string_view normalized = segment.text;
    if (nfc_ && MayNeedNfc(normalized)) {
      normalized = scratch.normalized.emplace_back(ToNfc(normalized));
    }
    if (auto status = EncodeNormalized(normalized, scratch); !status.ok()) return status;
  }
  return std::vector<int64_t>(scratch.ids.begin(), scratch.ids.end());
}

absl::Status Tokenizer::EncodeNormalized(absl::string_view text, Scratch& scratch) const {
  std::vector<AddedTokenFinder::Segment> segments;
  normalized_tokens_.Split(text, &segments);
  for (const auto& segment : segments) {
    if (segment.id >= 0) {
      scratch.ids.push_back(segment.id);
      continue;
    }
    scratch.pieces.assign(1, segment.text);
    for (const SplitRegex& split : splits_) {
      scratch.next_pieces.clear();
      for (absl::string_view piece : scratch.pieces) {
        auto status = split.Split(piece, scratch.match, &scratch.next_pieces);
        if (!status.ok()) return status;
      }
      std::swap(scratch.pieces, scratch.next_pieces);
    }
    for (absl::string_view word : scratch.pieces) {
      if (auto status = EncodeWord(word, scratch); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Tokenizer::EncodeWord(absl::string_view word, Scratch& scratch) const {
  auto& ids = scratch.ids;
  if (const auto known = scratch.words.find(word); known != scratch.words.end()) {
    const auto [start, size] = known->second;
    for (size_t i = start; i < start + size; ++i) ids.push_back(ids[i]);
    return absl::OkStatus();
  }
  const size_t start = ids.size();
  if (auto status = bpe_.Encode(word, scratch.bpe, &ids); !status.ok()) return status;
  if (word.size() <= kMaxCachedWordSize && scratch.words.size() < kMaxCachedWords) {
    scratch.words[word] = {start, ids.size() - start};
  }
  return absl::OkStatus();
}

std::string Tokenizer::Decode(absl::Span<const int64_t> ids) const {
  std::string bytes;
  for (int64_t id : ids) {
    if (id >= 0 && id < vocab_size()) bytes += bytes_of_id_[id];
  }
  return bytes;
}

std::string Tokenizer::DecodeUtf8(absl::Span<const int64_t> ids) const {
  return ToValidUtf8(Decode(ids));
}

std::optional<int64_t> Tokenizer::IdOf(absl::string_view token) const {
  const auto it = id_of_token_.find(token);
  if (it == id_of_token_.end()) return std::nullopt;
  return it->second;
}

}  // namespace forensics::runner
