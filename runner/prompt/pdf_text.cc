#include "runner/prompt/pdf_text.h"

#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-page.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace forensics::runner {
namespace {

// poppler reports through one function for the whole process; this passes on what it says on
// behalf of the calling thread.
class MessageCollector {
 public:
  MessageCollector() {
    static const bool installed = [] {
      poppler::set_debug_error_function(&Collect, nullptr);
      return true;
    }();
    static_cast<void>(installed);
    messages_of_thread = &messages_;
  }
  ~MessageCollector() { messages_of_thread = nullptr; }
  MessageCollector(const MessageCollector&) = delete;
  MessageCollector& operator=(const MessageCollector&) = delete;

  // The first few, to be appended to an error.
  std::string Text() const {
    std::string text;
    for (size_t i = 0; i < std::min<size_t>(messages_.size(), 3); ++i) {
      absl::StrAppend(&text, i == 0 ? " (" : "; ", messages_[i]);
    }
    return text.empty() ? text : text + ")";
  }

  // The first message about structure or page contents, not about fonts, links or annotations:
  // text may be missing then. poppler-cpp does not say how grave a message is.
  const std::string* Damage() const {
    constexpr absl::string_view kParts[] = {"trailer dictionary",
                                            "xref",
                                            "catalog",
                                            "page tree",
                                            "Pages",
                                            "flate stream",
                                            "Unknown operator",
                                            "args to '",
                                            "Illegal character",
                                            "Unterminated",
                                            "End of file",
                                            "Leftover args",
                                            "show/space",
                                            "font tag",
                                            "Badly formatted",
                                            "Dictionary key",
                                            "Missing 'endstream'",
                                            "Bad 'Length'"};
    for (const std::string& message : messages_) {
      for (absl::string_view part : kParts) {
        if (absl::StrContains(message, part)) return &message;
      }
    }
    return nullptr;
  }

 private:
  static void Collect(const std::string& message, void*) {
    constexpr size_t kMost = 1000;
    if (messages_of_thread == nullptr || messages_of_thread->size() >= kMost) return;
    messages_of_thread->emplace_back(absl::StripSuffix(message, "\n"));
  }

  static thread_local std::vector<std::string>* messages_of_thread;
  std::vector<std::string> messages_;
};

thread_local std::vector<std::string>* MessageCollector::messages_of_thread = nullptr;

absl::Status Damaged(const MessageCollector& messages, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("the PDF is damaged: ", what, messages.Text()));
}

}  // namespace

absl::StatusOr<std::string> PdfText(absl::string_view pdf) {
  // Readers look for the header in the first kilobyte, for the end in the last.
  if (!absl::StrContains(pdf.substr(0, 1024), "%PDF-")) {
    return absl::InvalidArgumentError("not a PDF: it does not start with %PDF-");
  }
  if (!absl::StrContains(pdf.substr(pdf.size() - std::min<size_t>(pdf.size(), 1024)), "%%EOF")) {
    return absl::InvalidArgumentError("the PDF is damaged: it does not end with %%EOF");
  }
  if (pdf.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return absl::InvalidArgumentError(absl::StrCat("a PDF of ", pdf.size(), " bytes is too large"));
  }
  const MessageCollector messages;
  const std::unique_ptr<poppler::document> document(
      poppler::document::load_from_raw_data(pdf.data(), static_cast<int>(pdf.size())));
  if (document == nullptr) return Damaged(messages, "poppler cannot open it");
  if (document->is_locked()) {
    return absl::InvalidArgumentError("the PDF is encrypted and needs a password");
  }
  if (document->pages() <= 0) return Damaged(messages, "it has no pages");
  std::string text;
  for (int i = 0; i < document->pages(); ++i) {
    const std::unique_ptr<poppler::page> page(document->create_page(i));
    if (page == nullptr) return Damaged(messages, absl::StrCat("page ", i + 1, " cannot be read"));
    const poppler::byte_array bytes =
        page->text(poppler::rectf(), poppler::page::non_raw_non_physical_layout).to_utf8();
    text.append(bytes.data(), bytes.size());
  }
  if (const std::string* damage = messages.Damage()) return Damaged(messages, *damage);
  return text;
}

}  // namespace forensics::runner
