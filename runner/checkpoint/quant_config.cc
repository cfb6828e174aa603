#include "runner/checkpoint/quant_config.h"

#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

constexpr int64_t kMaxGroup = int64_t{1} << 20;

// bits and group_size, which awq and gptq have in common.
void ReadGroups(JsonFields& fields, QuantConfig& quant) {
  quant.bits = static_cast<int>(fields.Int("bits", 1, 16));
  if (quant.bits != 4) fields.Refuse("bits", "4");
  quant.group_size = fields.Int("group_size", -1, kMaxGroup, 128);
  if (quant.group_size == 0) fields.Refuse("group_size", "-1 (one group) or a positive integer");
}

QuantConfig ReadAwq(JsonFields& fields) {
  QuantConfig quant;
  quant.method = QuantMethod::kAwq;
  ReadGroups(fields, quant);
  // transformers 5 renames `version`; AutoAWQ writes it in either case.
  const char* version = fields.Has("format") ? "format" : "version";
  if (absl::AsciiStrToLower(fields.String(version, "gemm")) != "gemm") {
    fields.Refuse(version, "\"gemm\"");
  }
  if (!fields.Bool("zero_point", true)) fields.Refuse("zero_point", "true");
  quant.modules_to_not_convert = fields.Strings("modules_to_not_convert");
  return quant;
}

// GPTQModel's rules for single modules, by regular expression. Those that exclude modules ("-:")
// are not needed: the files show what is packed. Others would pack a module differently.
void ReadDynamic(JsonFields& fields) {
  std::optional<JsonFields> dynamic = fields.Object("dynamic");
  if (!dynamic) return;
  for (const std::string& pattern : dynamic->Names()) {
    if (absl::StartsWith(pattern, "-:")) continue;
    std::optional<JsonFields> rule = dynamic->Object(pattern.c_str());
    if (rule && !rule->Names().empty()) {
      dynamic->Refuse(pattern.c_str(), "rules that exclude modules (\"-:\") alone");
    }
  }
  fields.Absorb(*dynamic);
}

// transformers 5 and newer writers of GPTQ say `format`, older ones `checkpoint_format`.
std::string ReadGptqFormat(JsonFields& fields) {
  const char* name = fields.Has("checkpoint_format") ? "checkpoint_format" : "format";
  const std::string format = absl::AsciiStrToLower(fields.String(name, "gptq"));
  if (format != "gptq" && format != "gptq_v2") fields.Refuse(name, "\"gptq\" or \"gptq_v2\"");
  if (absl::AsciiStrToLower(fields.String("format", format)) != format) {
    fields.Refuse("format", absl::StrCat("that of ", name, " (\"", format, "\")"));
  }
  return format;
}

QuantConfig ReadGptq(JsonFields& fields) {
  QuantConfig quant;
  quant.method = QuantMethod::kGptq;
  ReadGroups(fields, quant);
  const std::string format = ReadGptqFormat(fields);
  quant.gptq_zero_offset = format == "gptq" ? 1 : 0;
  // Version 1 stores zero - 1 in four bits: of 0 and 16 alike, so that readers differ.
  if (format == "gptq" && !fields.Bool("sym", true)) {
    fields.Refuse("sym", "true (in format \"gptq\")");
  }
  if (fields.String("pack_dtype", "int32") != "int32") fields.Refuse("pack_dtype", "\"int32\"");
  ReadDynamic(fields);
  return quant;
}

QuantConfig ReadBitsAndBytes(JsonFields& fields) {
  QuantConfig quant;
  quant.method = QuantMethod::kBnbNf4;
  quant.bits = 4;
  quant.group_size = 64;
  if (!fields.Bool("load_in_4bit", false)) fields.Refuse("load_in_4bit", "true");
  if (fields.String("bnb_4bit_quant_type", "fp4") != "nf4") {
    fields.Refuse("bnb_4bit_quant_type", "\"nf4\"");
  }
  if (fields.String("bnb_4bit_quant_storage", "uint8") != "uint8") {
    fields.Refuse("bnb_4bit_quant_storage", "\"uint8\"");
  }
  quant.modules_to_not_convert = fields.Strings("llm_int8_skip_modules");
  return quant;
}

}  // namespace

QuantConfig ReadQuantConfig(JsonFields& fields) {
  const std::string method = fields.String("quant_method");
  if (method == "awq") return ReadAwq(fields);
  if (method == "gptq") return ReadGptq(fields);
  if (method == "bitsandbytes") return ReadBitsAndBytes(fields);
  fields.Refuse("quant_method", "\"awq\", \"gptq\" or \"bitsandbytes\"");
  return {};
}

}  // namespace forensics::runner
