#include "runner/prompt/chat_template.h"

#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "rapidjson/document.h"
#include "rapidjson/error/en.h"
#include "schema/atomic_file.h"

namespace forensics::runner {
namespace {

constexpr char kConfigFile[] = "tokenizer_config.json";
constexpr char kJinjaFile[] = "chat_template.jinja";

std::string String(const rapidjson::Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

// A token is written as a string or as an AddedToken with `content`.
std::optional<std::string> TokenText(const rapidjson::Value& value) {
  if (value.IsString()) return String(value);
  if (!value.IsObject()) return std::nullopt;
  const auto content = value.FindMember("content");
  if (content == value.MemberEnd() || !content->value.IsString()) return std::nullopt;
  return String(content->value);
}

// The template named "default" of a list of {name, template}.
absl::StatusOr<std::string> DefaultOf(const rapidjson::Value& list) {
  for (const auto& entry : list.GetArray()) {
    if (!entry.IsObject()) continue;
    const auto name = entry.FindMember("name");
    const auto source = entry.FindMember("template");
    if (name != entry.MemberEnd() && name->value.IsString() && String(name->value) == "default" &&
        source != entry.MemberEnd() && source->value.IsString()) {
      return String(source->value);
    }
  }
  return absl::InvalidArgumentError("chat_template: no template in the list is named 'default'");
}

absl::StatusOr<std::string> TemplateOf(const rapidjson::Document& config) {
  const auto found = config.FindMember("chat_template");
  if (found == config.MemberEnd() || found->value.IsNull()) {
    return absl::InvalidArgumentError("no chat_template");
  }
  if (found->value.IsString()) return String(found->value);
  if (found->value.IsArray()) return DefaultOf(found->value);
  return absl::InvalidArgumentError("chat_template: expected a string or a list");
}

absl::Status InFile(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace

absl::StatusOr<ChatTemplate> ChatTemplate::FromCheckpoint(const std::string& directory) {
  const std::string config_path = (std::filesystem::path(directory) / kConfigFile).string();
  const std::string jinja_path = (std::filesystem::path(directory) / kJinjaFile).string();
  const auto config = schema::ReadFile(config_path);
  if (!config.ok()) return config.status();
  std::optional<std::string> jinja;
  std::error_code error;
  if (std::filesystem::exists(jinja_path, error)) {
    auto source = schema::ReadFile(jinja_path);
    if (!source.ok()) return source.status();
    jinja = *std::move(source);
  }
  const bool from_jinja = jinja.has_value();
  auto chat_template = FromJson(*config, std::move(jinja));
  if (!chat_template.ok()) {
    return InFile(from_jinja ? jinja_path : config_path, chat_template.status());
  }
  return chat_template;
}

absl::StatusOr<ChatTemplate> ChatTemplate::FromJson(absl::string_view tokenizer_config,
                                                    std::optional<std::string> jinja) {
  rapidjson::Document config;
  config.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(
      tokenizer_config.data(), tokenizer_config.size());
  if (config.HasParseError()) {
    return absl::InvalidArgumentError(
        absl::StrCat("not JSON: ", rapidjson::GetParseError_En(config.GetParseError()), " at byte ",
                     config.GetErrorOffset()));
  }
  if (!config.IsObject()) return absl::InvalidArgumentError("not a JSON object");
  absl::StatusOr<std::string> source =
      jinja.has_value() ? absl::StatusOr<std::string>(*std::move(jinja)) : TemplateOf(config);
  if (!source.ok()) return source.status();
  auto parsed = jinja::Template::Parse(*source);
  if (!parsed.ok()) {
    return absl::Status(parsed.status().code(),
                        absl::StrCat("chat template, ", parsed.status().message()));
  }
  std::vector<std::pair<std::string, std::string>> tokens;
  for (const char* name : {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token",
                           "cls_token", "mask_token"}) {
    const auto member = config.FindMember(name);
    if (member == config.MemberEnd()) continue;
    if (auto text = TokenText(member->value)) tokens.emplace_back(name, *std::move(text));
  }
  return ChatTemplate(*std::move(parsed), std::move(tokens));
}

absl::StatusOr<std::string> ChatTemplate::Render(const std::vector<ChatMessage>& messages,
                                                 std::optional<bool> enable_thinking) const {
  std::vector<jinja::Value> list;
  for (const ChatMessage& message : messages) {
    list.push_back(jinja::Value::OfDict({{"role", message.role}, {"content", message.content}}));
  }
  // transformers passes these two as None; templates tell that from undefined.
  std::vector<std::pair<std::string, jinja::Value>> variables = {
      {"messages", jinja::Value::OfList(std::move(list))},
      {"tools", jinja::None{}},
      {"documents", jinja::None{}},
      {"add_generation_prompt", true}};
  for (const auto& [name, text] : special_tokens_) variables.emplace_back(name, text);
  if (enable_thinking.has_value()) variables.emplace_back("enable_thinking", *enable_thinking);
  auto text = template_.Render(std::move(variables));
  if (!text.ok()) {
    return absl::Status(text.status().code(),
                        absl::StrCat("chat template, ", text.status().message()));
  }
  return text;
}

}  // namespace forensics::runner
