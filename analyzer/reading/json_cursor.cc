#include "analyzer/reading/json_cursor.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "analyzer/reading/skip_handler.h"
#include "rapidjson/error/en.h"
#include "schema/json_number.h"

namespace forensics::analyzer {
namespace {

using Stream = schema::BoundedStream<ByteStream>;

// Takes one scalar.
struct ScalarHandler : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, ScalarHandler> {
  bool Null() { return true; }
  bool Bool(bool b) { return Set(b); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    if (const char* what = schema::JsonNumberFault({text, size})) {
      cause = what;
      return false;
    }
    const schema::JsonNumber number = schema::ReadJsonNumber({text, size});
    if (const int64_t* integer = std::get_if<int64_t>(&number)) return Set(int64_t{*integer});
    return std::visit([this](auto value) { return Set(static_cast<double>(value)); }, number);
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    return Set(std::string(text, size));
  }
  bool Default() { return false; }  // objects and arrays

  template <typename T>
  bool Set(T&& value) {
    scalar = std::forward<T>(value);
    return true;
  }

  const char* fault() const { return cause; }
  bool over_budget() const { return false; }
  std::vector<std::string> Path() const { return {}; }

  JsonScalar scalar;
  const char* cause = "";
};

// Passes each event on to a checker, whose verdict is not asked, and to another handler.
template <typename Handler>
struct CheckedHandler {
  bool Null() { return checker->Null(), handler->Null(); }
  bool Bool(bool b) { return checker->Bool(b), handler->Bool(b); }
  // Numbers come as text.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool copy) {
    return checker->RawNumber(text, size, copy), handler->RawNumber(text, size, copy);
  }
  bool String(const char* text, rapidjson::SizeType size, bool copy) {
    return checker->String(text, size, copy), handler->String(text, size, copy);
  }
  bool Key(const char* text, rapidjson::SizeType size, bool copy) {
    return checker->Key(text, size, copy), handler->Key(text, size, copy);
  }
  bool StartObject() { return checker->StartObject(), handler->StartObject(); }
  bool EndObject(rapidjson::SizeType n) { return checker->EndObject(n), handler->EndObject(n); }
  bool StartArray() { return checker->StartArray(), handler->StartArray(); }
  bool EndArray(rapidjson::SizeType n) { return checker->EndArray(n), handler->EndArray(n); }

  absl::string_view fault() const { return handler->fault(); }
  bool over_budget() const { return handler->over_budget(); }
  std::vector<std::string> Path() const { return handler->Path(); }

  schema::ExperimentChecker* checker;
  Handler* handler;
};

// ", line 3" of a file that is still there.
std::string LineText(const std::string& file, size_t offset) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return "";
  std::ifstream stream(file, std::ios::binary);
  int64_t line = 1;
  std::vector<char> block(1 << 16);
  while (offset > 0 && stream) {
    stream.read(block.data(), static_cast<std::streamsize>(std::min(offset, block.size())));
    const size_t got = static_cast<size_t>(stream.gcount());
    line += std::count(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(got), '\n');
    offset -= got;
  }
  return absl::StrCat(", line ", line);
}

}  // namespace

absl::StatusOr<std::unique_ptr<JsonCursor>> JsonCursor::Open(
    const std::string& path, std::shared_ptr<StructureBudget> budget) {
  absl::StatusOr<std::unique_ptr<ByteStream>> stream = ByteStream::Open(path);
  if (!stream.ok()) return stream.status();
  if (budget == nullptr) budget = std::make_shared<StructureBudget>();
  return absl::WrapUnique(new JsonCursor(path, *std::move(stream), std::move(budget)));
}

JsonCursor::JsonCursor(std::string path, std::unique_ptr<ByteStream> stream,
                       std::shared_ptr<StructureBudget> budget)
    : file_(std::move(path)), stream_(std::move(stream)), share_(std::move(budget)) {}

void JsonCursor::SkipSpace() { rapidjson::SkipWhitespace(*stream_); }

JsonCursor::Kind JsonCursor::Peek() {
  SkipSpace();
  switch (const char byte = stream_->Peek()) {
    case '{':
      return Kind::kObject;
    case '[':
      return Kind::kArray;
    case '"':
      return Kind::kString;
    case 't':
    case 'f':
      return Kind::kBoolean;
    case 'n':
      return Kind::kNull;
    case '-':
    case 'N':
    case 'I':
      return Kind::kNumber;
    default:
      return byte >= '0' && byte <= '9' ? Kind::kNumber : Kind::kNone;
  }
}

absl::StatusOr<bool> JsonCursor::AtClose(char close, bool first) {
  SkipSpace();
  const char byte = stream_->Peek();
  if (byte == close) {
    stream_->Take();
    return true;
  }
  if (first) return false;
  if (byte != ',') return Error(absl::StrFormat("expected ',' or '%c'", close));
  stream_->Take();
  SkipSpace();
  return false;
}

absl::StatusOr<std::string> JsonCursor::ReadKey() {
  if (Peek() != Kind::kString) return Error("expected a key in double quotes");
  ScalarHandler handler;
  Stream stream(*stream_);
  if (absl::Status status = Parse(handler, stream); !status.ok()) return status;
  return std::get<std::string>(std::move(handler.scalar));
}

absl::Status JsonCursor::TakeColon() {
  SkipSpace();
  if (stream_->Peek() != ':') return Error("expected ':' after a key");
  stream_->Take();
  return absl::OkStatus();
}

absl::Status JsonCursor::ReadObject(
    absl::FunctionRef<absl::Status(const std::string& key)> member) {
  if (Peek() != Kind::kObject) return Error("expected an object");
  stream_->Take();
  if (checker_ != nullptr) checker_->StartObject();
  if (absl::Status status = Charge(kObjectCharge); !status.ok()) return status;
  absl::flat_hash_set<std::string> keys;
  for (;;) {
    absl::StatusOr<bool> closed = AtClose('}', keys.empty());
    if (!closed.ok()) return closed.status();
    if (*closed) break;
    absl::StatusOr<std::string> key = ReadKey();
    if (!key.ok()) return key.status();
    if (absl::Status status = Charge(kKeyCharge + key->size()); !status.ok()) return status;
    if (keys.size() >= kMostKeys) return Error(TooManyKeys());
    if (!keys.insert(*key).second) return Error(KeyTwice(*key));
    if (absl::Status status = TakeColon(); !status.ok()) return status;
    if (checker_ != nullptr) checker_->Key(key->data(), static_cast<unsigned>(key->size()), true);
    path_.push_back(*key);
    if (absl::Status status = member(*key); !status.ok()) return status;
    path_.pop_back();
  }
  if (checker_ != nullptr) checker_->EndObject(static_cast<unsigned>(keys.size()));
  return absl::OkStatus();
}

absl::Status JsonCursor::ReadArray(absl::FunctionRef<absl::Status()> element) {
  absl::StatusOr<bool> more = EnterArray();
  unsigned index = 0;
  while (more.ok() && *more) {
    if (absl::Status status = ReadElement(index, element); !status.ok()) return status;
    ++index;
    more = NextElement();
  }
  if (!more.ok()) return more.status();
  if (checker_ != nullptr) checker_->EndArray(index);
  return absl::OkStatus();
}

absl::StatusOr<bool> JsonCursor::EnterArray() {
  if (Peek() != Kind::kArray) return Error("expected an array");
  stream_->Take();
  if (checker_ != nullptr) checker_->StartArray();
  const absl::StatusOr<bool> closed = AtClose(']', true);
  if (!closed.ok()) return closed.status();
  return !*closed;
}

absl::StatusOr<bool> JsonCursor::NextElement() {
  const absl::StatusOr<bool> closed = AtClose(']', false);
  if (!closed.ok()) return closed.status();
  return !*closed;
}

absl::Status JsonCursor::ReadElement(int64_t index, absl::FunctionRef<absl::Status()> element) {
  path_.push_back(absl::StrCat(index));
  if (absl::Status status = Charge(kElementCharge); !status.ok()) return status;
  if (absl::Status status = element(); !status.ok()) return status;
  path_.pop_back();
  return absl::OkStatus();
}

std::unique_ptr<JsonCursor> JsonCursor::At(size_t offset) const {
  auto cursor = absl::WrapUnique(new JsonCursor(file_, stream_->At(offset), share_.budget()));
  cursor->path_ = path_;
  return cursor;
}

void JsonCursor::MoveTo(size_t offset) { stream_ = stream_->At(offset); }

size_t JsonCursor::FindObject(absl::string_view first_key, size_t begin, size_t end) const {
  constexpr size_t kMostSpace = 256;
  const std::unique_ptr<ByteStream> stream = stream_->At(begin - std::min(begin, kMostSpace));
  while (stream->Tell() < end && !stream->AtEnd()) {
    stream->Fill(ByteStream::kReadBytes);
    const char* const first = stream->current();
    const size_t offset = stream->Tell();
    const absl::string_view text(first, static_cast<size_t>(stream->end() - first));
    for (size_t key = text.find('"'); key != text.npos; key = text.find('"', key + 1)) {
      if (text.substr(key, first_key.size()) != first_key) continue;
      const absl::string_view before = absl::StripTrailingAsciiWhitespace(text.substr(0, key));
      if (!absl::EndsWith(before, "{")) continue;
      const size_t brace = before.size() - 1;
      const absl::string_view separator =
          absl::StripTrailingAsciiWhitespace(before.substr(0, brace));
      if (!absl::EndsWith(separator, ",") || offset + brace < begin) continue;
      return std::min(offset + brace, end);
    }
    if (stream->reached_end()) break;
    // What may have been cut is looked at again.
    const size_t again = std::min(text.size() - 1, kMostSpace + first_key.size());
    stream->AdvanceTo(stream->end() - again);
  }
  return end;
}

absl::Status JsonCursor::Charge(size_t bytes) {
  return share_.Take(bytes) ? absl::OkStatus() : OverBudgetError(stream_->Tell());
}

absl::Status JsonCursor::OverBudgetError(size_t offset) const {
  return absl::ResourceExhaustedError(ErrorAt(offset, OverBudget()).message());
}

template <typename Handler>
absl::Status JsonCursor::Parse(Handler& handler, Stream& stream) {
  constexpr unsigned kFlags = rapidjson::kParseStopWhenDoneFlag | rapidjson::kParseIterativeFlag |
                              rapidjson::kParseNumbersAsStringsFlag |
                              rapidjson::kParseNanAndInfFlag |
                              rapidjson::kParseValidateEncodingFlag;
  const rapidjson::ParseResult result = reader_.Parse<kFlags>(stream, handler);
  if (!result.IsError()) return absl::OkStatus();
  for (std::string& part : handler.Path()) path_.push_back(std::move(part));
  if (stream.exhausted()) return Error(schema::kTokenTooLong);
  if (handler.over_budget()) return OverBudgetError(result.Offset());
  if (result.Code() == rapidjson::kParseErrorTermination) {
    return ErrorAt(result.Offset(), handler.fault());
  }
  if (stream_->AtEnd()) return Error("");
  return ErrorAt(result.Offset(), rapidjson::GetParseError_En(result.Code()));
}

template <typename Handler>
absl::Status JsonCursor::ParseAndCheck(Handler& handler, Stream& stream) {
  if (checker_ == nullptr) return Parse(handler, stream);
  CheckedHandler<Handler> checked{checker_, &handler};
  return Parse(checked, stream);
}

absl::StatusOr<JsonScalar> JsonCursor::ReadScalar() {
  const Kind kind = Peek();
  if (kind == Kind::kNone) return Error("expected a value");
  if (kind == Kind::kObject || kind == Kind::kArray) {
    return Error("expected a single value, found an object or array");
  }
  ScalarHandler handler;
  Stream stream(*stream_);
  if (absl::Status status = ParseAndCheck(handler, stream); !status.ok()) return status;
  if (const std::string* text = std::get_if<std::string>(&handler.scalar)) {
    if (absl::Status status = Charge(text->size()); !status.ok()) return status;
  }
  return std::move(handler.scalar);
}

void JsonCursor::TellCheckerOfVector() {
  if (checker_ == nullptr) return;
  checker_->StartArray();
  checker_->EndArray(0);
}

absl::Status JsonCursor::ReadFloats(std::vector<float>& values, std::string* text, OddValues* odd) {
  if (Peek() != Kind::kArray) return Error("expected an array of numbers");
  // Room for a little more than the longest so far.
  if (text != nullptr) {
    stream_->Fill(std::min(longest_text_ + longest_text_ / 8, ByteStream::kMostFill));
  }
  const char* const begin = stream_->current();
  const size_t begin_offset = stream_->Tell();
  stream_->Take();
  size_t offset = 0;
  const absl::Status status = ReadFloat32Array(*stream_, values, offset, odd);
  if (!status.ok()) return ErrorAt(offset, status.message());
  if (text != nullptr) {
    // The bytes have moved if the stream had to read on within the array.
    const size_t size = stream_->Tell() - begin_offset + 1;
    const bool still_there = stream_->current() + 1 == begin + size;
    text->assign(begin, still_there ? size : 0);
    longest_text_ = std::max(longest_text_, size);
  }
  stream_->Take();
  TellCheckerOfVector();
  return absl::OkStatus();
}

bool JsonCursor::SkipFloatsSpelled(absl::string_view text) {
  SkipSpace();
  if (text.empty() || text.size() > ByteStream::kMostFill) return false;
  stream_->Fill(text.size());
  const size_t held = static_cast<size_t>(stream_->end() - stream_->current());
  if (held < text.size() || absl::string_view(stream_->current(), text.size()) != text) {
    return false;
  }
  stream_->AdvanceTo(stream_->current() + text.size());
  TellCheckerOfVector();
  return true;
}

absl::Status JsonCursor::Skip() {
  if (Peek() == Kind::kNone) return Error("expected a value");
  Stream stream(*stream_);
  SkipHandler handler(stream, share_);
  return ParseAndCheck(handler, stream);
}

absl::Status JsonCursor::Finish() {
  SkipSpace();
  if (!stream_->AtEnd()) return Error("expected the end of the file");
  if (!stream_->status().ok()) return stream_->status();
  const std::string change = stream_->Change();
  return change.empty() ? absl::OkStatus() : absl::DataLossError(absl::StrCat(file_, ": ", change));
}

absl::Status JsonCursor::Error(absl::string_view cause) const {
  return ErrorAt(stream_->Tell(), cause);
}

absl::Status JsonCursor::ErrorAt(size_t offset, absl::string_view cause) const {
  if (!stream_->status().ok()) return stream_->status();
  if (!stream_->AtEnd()) return ErrorOfWhole(offset, cause);
  return ErrorOfWhole(offset,
                      offset == 0 ? "the file is empty" : "the file is truncated: it ends here");
}

absl::Status JsonCursor::ErrorOfWhole(size_t offset, absl::string_view cause) const {
  const std::string change = stream_->Change();
  return absl::DataLossError(absl::StrCat(file_, ": byte ", offset, LineText(file_, offset),
                                          ", at /", ShownText(absl::StrJoin(path_, "/")), ": ",
                                          cause, change.empty() ? "" : "; ", change));
}

}  // namespace forensics::analyzer
