#include "runner/prompt/document.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runner/prompt/pdf_text.h"
#include "runner/prompt/white_space.h"
#include "runner/tokenizer/unicode.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

absl::Status Invalid(const std::string& path, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", problem));
}

}  // namespace

absl::StatusOr<Document> ReadDocument(const std::string& path) {
  const std::filesystem::path file(path);
  const std::string extension = absl::AsciiStrToLower(file.extension().string());
  if (extension != ".pdf" && extension != ".txt") {
    return Invalid(path, "a document is a .pdf or a .txt file");
  }
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) return Invalid(path, "is a folder, not a file");
  const auto bytes = schema::ReadFile(path);
  if (!bytes.ok()) return bytes.status();
  std::string text = *bytes;
  if (extension == ".pdf") {
    auto extracted = PdfText(*bytes);
    if (!extracted.ok()) return Invalid(path, extracted.status().message());
    text = *std::move(extracted);
  }
  if (const auto invalid = FirstInvalidUtf8(text)) {
    return Invalid(path, absl::StrCat("the text is not UTF-8 at byte ", *invalid));
  }
  Document document;
  document.name = file.filename().string();
  document.sha256 = schema::Sha256Hex(*bytes);
  document.text = NormalizeWhiteSpace(text);
  if (document.text.empty()) {
    return Invalid(path, extension == ".pdf" ? "the PDF holds no text (scanned pages?)"
                                             : "the file holds no text");
  }
  return document;
}

}  // namespace forensics::runner
