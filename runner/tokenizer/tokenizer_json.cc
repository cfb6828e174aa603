#include "runner/tokenizer/tokenizer_json.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rapidjson/document.h"
#include "runner/checkpoint/json_object.h"

namespace forensics::runner {
namespace {

using rapidjson::Value;

// Ids index a table of strings; this bounds it for a damaged file, at 15 times the largest vocabulary
// in use.
constexpr int64_t kMaxId = 1 << 22;

// GPT-2's expression, which ByteLevel applies with use_regex.
constexpr char kByteLevelPattern[] =
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

absl::string_view View(const Value& string) {
  return {string.GetString(), string.GetStringLength()};
}

absl::Status Invalid(absl::string_view field, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", problem));
}

absl::Status NotSupported(absl::string_view field, absl::string_view what) {
  return absl::UnimplementedError(absl::StrCat(field, ": ", what, " is not supported"));
}

// The member `name`, or nullptr if it is absent or null.
const Value* Find(const Value& object, const char* name) {
  const auto it = object.FindMember(name);
  return it == object.MemberEnd() || it->value.IsNull() ? nullptr : &it->value;
}

absl::StatusOr<bool> Flag(const Value& object, const char* name, bool absent,
                          absl::string_view field) {
  const Value* value = Find(object, name);
  if (value == nullptr) return absent;
  if (!value->IsBool()) return Invalid(absl::StrCat(field, ".", name), "expected true or false");
  return value->GetBool();
}

absl::StatusOr<int32_t> Id(const Value& value, absl::string_view field) {
  if (!value.IsInt64()) return Invalid(field, "expected an integer");
  const int64_t id = value.GetInt64();
  if (id < 0 || id >= kMaxId) {
    return Invalid(field, absl::StrCat("id ", id, " is not in [0, ", kMaxId, ")"));
  }
  return static_cast<int32_t>(id);
}

// Calls visit(step, field) for `value`, or, if it is a Sequence, for each of its `steps`.
template <typename Visit>
absl::Status ForEachStep(const Value* value, const char* steps, const std::string& field,
                         Visit visit) {
  if (value == nullptr) return absl::OkStatus();
  if (!value->IsObject()) return Invalid(field, "expected an object");
  const Value* type = Find(*value, "type");
  if (type == nullptr || !type->IsString()) return Invalid(field + ".type", "expected a string");
  if (View(*type) != "Sequence") return visit(*value, View(*type), field);
  const Value* list = Find(*value, steps);
  if (list == nullptr || !list->IsArray()) {
    return Invalid(absl::StrCat(field, ".", steps), "expected an array");
  }
  for (rapidjson::SizeType i = 0; i < list->Size(); ++i) {
    const std::string name = absl::StrCat(field, ".", steps, "[", i, "]");
    const Value& step = (*list)[i];
    const Value* step_type = step.IsObject() ? Find(step, "type") : nullptr;
    if (step_type == nullptr || !step_type->IsString()) {
      return Invalid(name + ".type", "expected a string");
    }
    if (auto status = visit(step, View(*step_type), name); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ReadNormalizer(const Value& root, TokenizerSpec* spec) {
  return ForEachStep(
      Find(root, "normalizer"), "normalizers", "normalizer",
      [&](const Value&, absl::string_view type, const std::string& field) -> absl::Status {
        if (type != "NFC") return NotSupported(field, absl::StrCat("type ", type));
        spec->nfc = true;
        return absl::OkStatus();
      });
}

absl::Status ReadSplit(const Value& split, const std::string& field, TokenizerSpec* spec) {
  const Value* pattern = Find(split, "pattern");
  const Value* regex =
      pattern != nullptr && pattern->IsObject() ? Find(*pattern, "Regex") : nullptr;
  if (regex == nullptr || !regex->IsString()) {
    return NotSupported(field + ".pattern", "anything but a Regex");
  }
  const Value* behavior = Find(split, "behavior");
  if (behavior == nullptr || !behavior->IsString()) {
    return Invalid(field + ".behavior", "expected a string");
  }
  // Isolated keeps matches and gaps alike, so that `invert` makes no difference.
  if (View(*behavior) != "Isolated") return NotSupported(field + ".behavior", View(*behavior));
  spec->split_patterns.emplace_back(View(*regex));
  return absl::OkStatus();
}

absl::Status ReadByteLevel(const Value& step, const std::string& field, TokenizerSpec* spec) {
  const auto add_prefix_space = Flag(step, "add_prefix_space", true, field);
  if (!add_prefix_space.ok()) return add_prefix_space.status();
  if (*add_prefix_space) return NotSupported(field + ".add_prefix_space", "true");
  const auto use_regex = Flag(step, "use_regex", true, field);
  if (!use_regex.ok()) return use_regex.status();
  if (*use_regex) spec->split_patterns.emplace_back(kByteLevelPattern);
  return absl::OkStatus();
}

absl::Status ReadPreTokenizer(const Value& root, TokenizerSpec* spec) {
  bool byte_level = false;
  auto status = ForEachStep(
      Find(root, "pre_tokenizer"), "pretokenizers", "pre_tokenizer",
      [&](const Value& step, absl::string_view type, const std::string& field) -> absl::Status {
        if (byte_level) return NotSupported(field, "a step after ByteLevel");
        if (type == "Split") return ReadSplit(step, field, spec);
        if (type != "ByteLevel") return NotSupported(field, absl::StrCat("type ", type));
        byte_level = true;
        return ReadByteLevel(step, field, spec);
      });
  if (!status.ok()) return status;
  if (!byte_level) return NotSupported("pre_tokenizer", "one without ByteLevel");
  return absl::OkStatus();
}

absl::Status ReadDecoder(const Value& root) {
  bool byte_level = false;
  auto status = ForEachStep(
      Find(root, "decoder"), "decoders", "decoder",
      [&](const Value&, absl::string_view type, const std::string& field) -> absl::Status {
        if (type != "ByteLevel") return NotSupported(field, absl::StrCat("type ", type));
        byte_level = true;
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return byte_level ? absl::OkStatus() : NotSupported("decoder", "one without ByteLevel");
}

absl::Status ReadVocabulary(const Value& model, TokenizerSpec* spec) {
  const Value* vocab = Find(model, "vocab");
  if (vocab == nullptr || !vocab->IsObject() || vocab->ObjectEmpty()) {
    return Invalid("model.vocab", "expected an object with tokens");
  }
  spec->vocabulary.reserve(vocab->MemberCount());
  absl::flat_hash_set<int32_t> ids;
  ids.reserve(vocab->MemberCount());
  for (const auto& member : vocab->GetObject()) {
    const absl::string_view token = View(member.name);
    const auto id = Id(member.value, absl::StrCat("model.vocab['", token, "']"));
    if (!id.ok()) return id.status();
    if (!spec->vocabulary.emplace(token, *id).second) {
      return Invalid("model.vocab", absl::StrCat("'", token, "' is there twice"));
    }
    if (!ids.insert(*id).second) {
      return Invalid("model.vocab", absl::StrCat("two tokens have the id ", *id));
    }
  }
  return absl::OkStatus();
}

// One of the two forms: ["a", "b"] or "a b".
std::optional<Merge> ReadMerge(const Value& merge) {
  if (merge.IsArray() && merge.Size() == 2 && merge[0].IsString() && merge[1].IsString()) {
    return Merge(View(merge[0]), View(merge[1]));
  }
  if (!merge.IsString()) return std::nullopt;
  const absl::string_view text = View(merge);
  const size_t space = text.find(' ');
  if (space == absl::string_view::npos || text.find(' ', space + 1) != absl::string_view::npos) {
    return std::nullopt;
  }
  return Merge(text.substr(0, space), text.substr(space + 1));
}

absl::Status ReadMerges(const Value& model, TokenizerSpec* spec) {
  const Value* merges = Find(model, "merges");
  if (merges == nullptr || !merges->IsArray()) return Invalid("model.merges", "expected an array");
  spec->merges.reserve(merges->Size());
  for (rapidjson::SizeType i = 0; i < merges->Size(); ++i) {
    const Value& value = (*merges)[i];
    if (value.IsString() && absl::StartsWith(View(value), "#version")) continue;
    auto merge = ReadMerge(value);
    if (!merge.has_value()) {
      return Invalid(absl::StrCat("model.merges[", i, "]"), "expected [\"a\", \"b\"] or \"a b\"");
    }
    spec->merges.push_back(*std::move(merge));
  }
  return absl::OkStatus();
}

absl::Status ReadModel(const Value& root, TokenizerSpec* spec) {
  const Value* model = Find(root, "model");
  if (model == nullptr || !model->IsObject()) return Invalid("model", "expected an object");
  // Early files have no type.
  if (const Value* type = Find(*model, "type");
      type != nullptr && (!type->IsString() || View(*type) != "BPE")) {
    return NotSupported("model.type", type->IsString() ? View(*type) : "anything but a string");
  }
  if (const Value* dropout = Find(*model, "dropout");
      dropout != nullptr && !(dropout->IsNumber() && dropout->GetDouble() == 0)) {
    return NotSupported("model.dropout", "dropping merges at random");
  }
  for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const Value* affix = Find(*model, name);
    if (affix == nullptr || (affix->IsString() && affix->GetStringLength() == 0)) continue;
    return NotSupported(absl::StrCat("model.", name), "an affix");
  }
  const auto byte_fallback = Flag(*model, "byte_fallback", false, "model");
  if (!byte_fallback.ok()) return byte_fallback.status();
  if (*byte_fallback) return NotSupported("model.byte_fallback", "true");
  const auto ignore_merges = Flag(*model, "ignore_merges", false, "model");
  if (!ignore_merges.ok()) return ignore_merges.status();
  spec->ignore_merges = *ignore_merges;
  if (auto status = ReadVocabulary(*model, spec); !status.ok()) return status;
  return ReadMerges(*model, spec);
}

absl::StatusOr<AddedToken> ReadAddedToken(const Value& value, const std::string& field) {
  if (!value.IsObject()) return Invalid(field, "expected an object");
  AddedToken token;
  const Value* id = Find(value, "id");
  if (id == nullptr) return Invalid(field + ".id", "expected an integer");
  const auto number = Id(*id, field + ".id");
  if (!number.ok()) return number.status();
  token.id = *number;
  const Value* content = Find(value, "content");
  if (content == nullptr || !content->IsString()) {
    return Invalid(field + ".content", "expected a string");
  }
  token.content = std::string(View(*content));
  const std::pair<const char*, bool*> flags[] = {{"single_word", &token.single_word},
                                                 {"lstrip", &token.lstrip},
                                                 {"rstrip", &token.rstrip},
                                                 {"normalized", &token.normalized},
                                                 {"special", &token.special}};
  for (const auto& [name, flag] : flags) {
    const auto value_of = Flag(value, name, false, field);
    if (!value_of.ok()) return value_of.status();
    *flag = *value_of;
  }
  return token;
}

absl::Status ReadAddedTokens(const Value& root, TokenizerSpec* spec) {
  const Value* list = Find(root, "added_tokens");
  if (list == nullptr) return absl::OkStatus();
  if (!list->IsArray()) return Invalid("added_tokens", "expected an array");
  for (rapidjson::SizeType i = 0; i < list->Size(); ++i) {
    auto token = ReadAddedToken((*list)[i], absl::StrCat("added_tokens[", i, "]"));
    if (!token.ok()) return token.status();
    spec->added_tokens.push_back(*std::move(token));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TokenizerSpec> ParseTokenizerJson(absl::string_view json) {
  rapidjson::Document root;
  if (absl::Status status = ParseJson(json, root); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("not JSON: ", status.message()));
  }
  if (!root.IsObject()) return absl::InvalidArgumentError("not a JSON object");
  TokenizerSpec spec;
  for (auto read : {ReadModel, ReadAddedTokens, ReadNormalizer, ReadPreTokenizer}) {
    if (auto status = read(root, &spec); !status.ok()) return status;
  }
  if (auto status = ReadDecoder(root); !status.ok()) return status;
  return spec;
}

}  // namespace forensics::runner
