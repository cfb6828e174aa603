// The files of a synthetic checkpoint that people can read: config.json and what lies beside it.
#ifndef TESTDATA_SYNTHESIS_CHECKPOINT_TEXT_H_
#define TESTDATA_SYNTHESIS_CHECKPOINT_TEXT_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::synthesis {

// By file name: config.json always; generation_config.json, tokenizer.json and
// tokenizer_config.json where there are any.
using TextFiles = std::map<std::string, std::string>;

// `config` is "qwen3_30b_a3b" or the path of a config.json; what lies beside that file is taken
// along, else Qwen3's where the vocabulary has room for its ids. `quant` is "awq", "gptq", "bnb" or
// "none" and replaces the config's own quantisation and dtype by those of the published
// repositories. InvalidArgument for others, or a config that is not JSON.
absl::StatusOr<TextFiles> ComposeTextFiles(absl::string_view config, absl::string_view quant);

}  // namespace forensics::synthesis

#endif  // TESTDATA_SYNTHESIS_CHECKPOINT_TEXT_H_
