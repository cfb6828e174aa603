#include "runner/prompt/document.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runner/prompt/pdf_text.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

constexpr char kDoc0[] = "testdata/mini_qwen3_moe/documents/doc0.pdf";

std::string Write(const std::string& name, absl::string_view content) {
  const std::string path = absl::StrCat(std::getenv("TEST_TMPDIR"), "/", name);
  EXPECT_TRUE(schema::WriteFileAtomically(path, content).ok());
  return path;
}

std::string Error(const std::string& path) {
  const auto document = ReadDocument(path);
  EXPECT_FALSE(document.ok()) << path;
  return std::string(document.status().message());
}

// A PDF of one empty page, with a line added to its trailer.
std::string EmptyPdf(const std::string& trailer) {
  return absl::StrCat(
      "%PDF-1.4\n"
      "1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
      "2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n"
      "3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] >>\nendobj\n"
      "xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000058 00000 n \n"
      "0000000115 00000 n \n"
      "trailer\n<< /Size 4 /Root 1 0 R ",
      trailer, " >>\nstartxref\n186\n%%EOF\n");
}

// Sizes and digests of what pdftotext 22.12 prints (UTF-8, no options).
TEST(PdfText, IsWhatPdftotextPrints) {
  struct Case {
    int number;
    size_t size;
    std::string sha256;
  };
  const Case cases[] = {
      {0, 50484, "7a851e789c327d84c08bcfa3f9019b083bc232789ee227c72930d8e7dce204cf"},
      {1, 83426, "2d441932f07896de895678e631f6aed99c1dc84200f1981c2bc9c131dbc05f50"},
      {2, 67544, "f471ea09c30151fe5841b0abbf195ca83cd11c0abd2064f36e90f4cf11d6592c"},
      {3, 47972, "8d4f43ea8d084b54b382df76dc48a57274a3025f2e7238919c8ded3a11236859"},
  };
  for (const auto& [number, size, sha256] : cases) {
    const auto pdf =
        schema::ReadFile(absl::StrCat("testdata/mini_qwen3_moe/documents/doc", number, ".pdf"));
    ASSERT_TRUE(pdf.ok()) << pdf.status();
    const auto text = PdfText(*pdf);
    ASSERT_TRUE(text.ok()) << text.status();
    EXPECT_EQ(text->size(), size);
    EXPECT_EQ(schema::Sha256Hex(*text), sha256);
  }
}

TEST(ReadDocument, ReadsAPdf) {
  const auto document = ReadDocument(kDoc0);
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(document->name, "doc0.pdf");
  EXPECT_EQ(document->sha256, "798f9978752cf03d8d34b8fff3bae2cab42eaf90bc9cf1a92ef36b0ad047ab78");
  EXPECT_TRUE(absl::StartsWith(document->text,
                               "Chapter 1. Introduction\n1.1. Purpose\nThis standard enables:\n"));
  for (const char* absent : {"\f", "  ", " \n", "\n ", "\n\n\n"}) {
    EXPECT_FALSE(absl::StrContains(document->text, absent));
  }
}

TEST(ReadDocument, ReadsText) {
  const auto document =
      ReadDocument(Write("Notes.TXT", "\xEF\xBB\xBF one\r\n\r\n\r\ntwo  three\n"));
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(document->name, "Notes.TXT");
  EXPECT_EQ(document->text, "one\n\ntwo three");
}

TEST(ReadDocument, NamesWhatIsWrong) {
  const std::string pdf = *schema::ReadFile(kDoc0);
  std::string broken_stream = pdf;
  int streams = 0;
  for (size_t at = 0; (at = pdf.find("\nstream", at)) != std::string::npos; at += 200, ++streams) {
    broken_stream.replace(at + 30, 40, 40, 'x');
  }
  ASSERT_GT(streams, 20);
  const std::string directory = absl::StrCat(std::getenv("TEST_TMPDIR"), "/folder.pdf");
  std::filesystem::create_directory(directory);

  const std::pair<std::string, std::string> cases[] = {
      {Write("a.docx", "x"), "a document is a .pdf or a .txt file"},
      {Write("none", "x"), "a document is a .pdf or a .txt file"},
      {directory, "is a folder, not a file"},
      {Write("empty.pdf", ""), "not a PDF"},
      {Write("text.pdf", "just text"), "not a PDF: it does not start with %PDF-"},
      {Write("cut.pdf", pdf.substr(0, pdf.size() / 2)), "the PDF is damaged: it does not end"},
      {Write("head.pdf", "%PDF-1.4\n%%EOF\n"), "the PDF is damaged: poppler cannot open it ("},
      {Write("middle.pdf", pdf.substr(0, 2000) + pdf.substr(9000)), "the PDF is damaged: "},
      {Write("stream.pdf", broken_stream), "the PDF is damaged: "},
      {Write("blank.pdf", EmptyPdf("")), "the PDF holds no text"},
      {Write("locked.pdf",
             EmptyPdf("/ID [<00><00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <" +
                      std::string(64, '1') + "> /U <" + std::string(64, '2') + "> >>")),
       "the PDF is encrypted and needs a password"},
      {Write("blank.txt", " \n\f"), "the file holds no text"},
      {Write("latin1.txt", "caf\xE9 au lait"), "the text is not UTF-8 at byte 3"},
  };
  for (const auto& [path, problem] : cases) {
    const std::string message = absl::StrCat(path, ": ", problem);
    EXPECT_EQ(Error(path).substr(0, message.size()), message);
  }
  EXPECT_TRUE(absl::StrContains(Error("testdata/none.pdf"), "testdata/none.pdf"));
}

}  // namespace
}  // namespace forensics::runner
