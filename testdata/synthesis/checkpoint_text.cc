#include "testdata/synthesis/checkpoint_text.h"

#include <filesystem>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rapidjson/document.h"
#include "rapidjson/prettywriter.h"
#include "rapidjson/stringbuffer.h"
#include "runner/checkpoint/json_object.h"
#include "schema/atomic_file.h"
#include "schema/command_line.h"
#include "testdata/synthesis/published_files.h"

namespace forensics::synthesis {
namespace {

constexpr char kConfig[] = "config.json";
constexpr char kGeneration[] = "generation_config.json";
constexpr char kTokenizer[] = "tokenizer.json";
constexpr char kTokenizerConfig[] = "tokenizer_config.json";
constexpr char kQwen3Moe30b[] = "qwen3_30b_a3b";
constexpr int kQwen3Ids = 151669;  // of its tokenizer, added tokens included

struct Quantisation {
  absl::string_view json;   // quantization_config
  const char* torch_dtype;  // null: the config's own
};

absl::StatusOr<Quantisation> FindQuantisation(absl::string_view name) {
  if (name == "awq") return Quantisation{PublishedAwq(), "float16"};
  if (name == "gptq") return Quantisation{PublishedGptq(), "bfloat16"};
  if (name == "bnb") return Quantisation{PublishedBnb(), "bfloat16"};
  if (name == "none") return Quantisation{"", nullptr};
  return schema::UsageError(
      absl::StrCat("--quant: expected awq, gptq, bnb or none, found '", name, "'"));
}

void SetMember(rapidjson::Document& document, const char* name, rapidjson::Value value) {
  document.RemoveMember(name);
  document.AddMember(rapidjson::StringRef(name), std::move(value), document.GetAllocator());
}

// Replaces dtype and quantisation.
absl::Status SetQuantisation(rapidjson::Document& config, const Quantisation& quantisation) {
  if (quantisation.torch_dtype != nullptr) {
    config.RemoveMember("dtype");
    SetMember(config, "torch_dtype",
              rapidjson::Value(rapidjson::StringRef(quantisation.torch_dtype)));
  }
  config.RemoveMember("quantization_config");
  if (quantisation.json.empty()) return absl::OkStatus();
  auto parsed = runner::ParseJsonObject(quantisation.json, "quantization_config");
  if (!parsed.ok()) return parsed.status();
  SetMember(config, "quantization_config", rapidjson::Value(*parsed, config.GetAllocator()));
  return absl::OkStatus();
}

std::string Text(const rapidjson::Document& document) {
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
  writer.SetIndent(' ', 2);
  document.Accept(writer);
  return absl::StrCat(absl::string_view(buffer.GetString(), buffer.GetSize()), "\n");
}

// Into `files`, what lies beside `config_path`; whether a tokenizer was among it.
absl::StatusOr<bool> TakeNeighbours(const std::string& config_path, TextFiles& files) {
  const std::filesystem::path folder = std::filesystem::path(config_path).parent_path();
  for (const char* name : {kGeneration, kTokenizer, kTokenizerConfig}) {
    const std::string path = (folder / name).string();
    if (!std::filesystem::exists(path)) continue;
    auto text = schema::ReadFile(path);
    if (!text.ok()) return text.status();
    files[name] = *std::move(text);
  }
  return files.count(kTokenizer) != 0;
}

void TakePublished(TextFiles& files) {
  files[kGeneration] = std::string(PublishedGenerationConfig());
  files[kTokenizer] = std::string(PublishedTokenizer());
  files[kTokenizerConfig] = std::string(PublishedTokenizerConfig());
}

bool HasRoomForQwen3(const rapidjson::Document& config) {
  const auto size = config.FindMember("vocab_size");
  return size != config.MemberEnd() && size->value.IsInt64() && size->value.GetInt64() >= kQwen3Ids;
}

absl::StatusOr<std::string> ReadConfig(absl::string_view config) {
  if (config == kQwen3Moe30b) return std::string(PublishedConfig());
  if (absl::EndsWith(config, ".json")) return schema::ReadFile(std::string(config));
  return schema::UsageError(absl::StrCat("--config: expected ", kQwen3Moe30b,
                                         " or the path of a config.json, found '", config, "'"));
}

}  // namespace

absl::StatusOr<TextFiles> ComposeTextFiles(absl::string_view config, absl::string_view quant) {
  const auto quantisation = FindQuantisation(quant);
  if (!quantisation.ok()) return quantisation.status();
  const auto text = ReadConfig(config);
  if (!text.ok()) return text.status();
  auto document = runner::ParseJsonObject(*text, config);
  if (!document.ok()) return document.status();
  absl::Status status = SetQuantisation(*document, *quantisation);
  if (!status.ok()) return status;

  TextFiles files;
  files[kConfig] = Text(*document);
  bool has_tokenizer = false;
  if (config != kQwen3Moe30b) {
    auto taken = TakeNeighbours(std::string(config), files);
    if (!taken.ok()) return taken.status();
    has_tokenizer = *taken;
  }
  if (!has_tokenizer && HasRoomForQwen3(*document)) TakePublished(files);
  return files;
}

}  // namespace forensics::synthesis
