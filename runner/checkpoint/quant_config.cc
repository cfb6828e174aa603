#include "runner/checkpoint/quant_config.h"

#include "absl/strings/ascii.h"

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

QuantConfig ReadGptq(JsonFields& fields) {
  QuantConfig quant;
  quant.method = QuantMethod::kGptq;
  ReadGroups(fields, quant);
  // Version 2 stores zero points as they are, version 1 less one.
  if (fields.String("checkpoint_format", "gptq") != "gptq") {
    fields.Refuse("checkpoint_format", "\"gptq\"");
  }
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
