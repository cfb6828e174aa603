// The text of a PDF, by poppler.
#ifndef RUNNER_PROMPT_PDF_TEXT_H_
#define RUNNER_PROMPT_PDF_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::runner {

// The text of all pages in reading order, UTF-8, a form feed after each page: what `pdftotext` of
// the same poppler prints by default. Known differences: a page's text outside its crop box is left
// out here (pdftotext goes by the media box), and NUL ends a page's text.
// `pdf` is the file's content. InvalidArgument, with what poppler says, if it is not a PDF, needs a
// password, or is damaged: poppler would repair such a file by guessing and go on with part of it.
absl::StatusOr<std::string> PdfText(absl::string_view pdf);

}  // namespace forensics::runner

#endif  // RUNNER_PROMPT_PDF_TEXT_H_
