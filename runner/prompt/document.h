// A document that a prompt quotes.
#ifndef RUNNER_PROMPT_DOCUMENT_H_
#define RUNNER_PROMPT_DOCUMENT_H_

#include <string>

#include "absl/status/statusor.h"

namespace forensics::runner {

struct Document {
  std::string name;    // the file's name without its folder
  std::string sha256;  // of the file, hexadecimal
  std::string text;    // white space normalised (white_space.h); UTF-8, not empty
};

// Reads a .pdf (pdf_text.h) or .txt (UTF-8) file. Errors name it: missing, another extension,
// damaged, encrypted, not UTF-8, without any text.
absl::StatusOr<Document> ReadDocument(const std::string& path);

}  // namespace forensics::runner

#endif  // RUNNER_PROMPT_DOCUMENT_H_
