// Unicode normalisation form C, as Hugging Face's tokenizers compute it.
#ifndef RUNNER_TOKENIZER_NFC_H_
#define RUNNER_TOKENIZER_NFC_H_

#include <string>

#include "absl/strings/string_view.h"

namespace forensics::runner {

// `text`, valid UTF-8, in form C. The tables behind the tokenizers library are Unicode 9's: marks
// assigned later are neither reordered nor composed, and stop marks from moving past them.
std::string ToNfc(absl::string_view text);

// False only if ToNfc(text) == text is certain without doing the work.
bool MayNeedNfc(absl::string_view text);

}  // namespace forensics::runner

#endif  // RUNNER_TOKENIZER_NFC_H_
