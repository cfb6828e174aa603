#include "testdata/synthesis/published_files.h"

#include <cstddef>

// In published_bytes.S.
#define FORENSICS_FILE(symbol) extern "C" const char symbol[], symbol##_end[]
FORENSICS_FILE(published_config);
FORENSICS_FILE(published_generation_config);
FORENSICS_FILE(published_tokenizer);
FORENSICS_FILE(published_tokenizer_config);
FORENSICS_FILE(published_awq);
FORENSICS_FILE(published_gptq);
FORENSICS_FILE(published_bnb);
#undef FORENSICS_FILE

namespace forensics::synthesis {
namespace {

absl::string_view Bytes(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace

absl::string_view PublishedConfig() { return Bytes(published_config, published_config_end); }
absl::string_view PublishedGenerationConfig() {
  return Bytes(published_generation_config, published_generation_config_end);
}
absl::string_view PublishedTokenizer() {
  return Bytes(published_tokenizer, published_tokenizer_end);
}
absl::string_view PublishedTokenizerConfig() {
  return Bytes(published_tokenizer_config, published_tokenizer_config_end);
}
absl::string_view PublishedAwq() { return Bytes(published_awq, published_awq_end); }
absl::string_view PublishedGptq() { return Bytes(published_gptq, published_gptq_end); }
absl::string_view PublishedBnb() { return Bytes(published_bnb, published_bnb_end); }

}  // namespace forensics::synthesis
