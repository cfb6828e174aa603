// The files of Qwen3-30B-A3B's published repositories that do not depend on its weights, as bytes
// in the binary: it is whole wherever it is carried to.
#ifndef TESTDATA_SYNTHESIS_PUBLISHED_FILES_H_
#define TESTDATA_SYNTHESIS_PUBLISHED_FILES_H_

#include "absl/strings/string_view.h"

namespace forensics::synthesis {

absl::string_view PublishedConfig();            // config.json of the unquantised model
absl::string_view PublishedGenerationConfig();  // generation_config.json
absl::string_view PublishedTokenizer();         // tokenizer.json
absl::string_view PublishedTokenizerConfig();   // tokenizer_config.json

// quantization_config in config.json, of QuixiAI/Qwen3-30B-A3B-AWQ, Qwen/Qwen3-30B-A3B-GPTQ-Int4
// and unsloth/Qwen3-30B-A3B-bnb-4bit, less what only says how the weights were found.
absl::string_view PublishedAwq();
absl::string_view PublishedGptq();
absl::string_view PublishedBnb();

}  // namespace forensics::synthesis

#endif  // TESTDATA_SYNTHESIS_PUBLISHED_FILES_H_
