#include "analyzer/report/html/embedded_reports.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "analyzer/parallel/parallel.h"
#include "rapidjson/memorystream.h"
#include "rapidjson/reader.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"

namespace forensics::analyzer {
namespace {

// Each leaves out what those before it leave out, and more.
enum class Detail { kPositionsOfHeadline, kFiguresOfHeadline, kPairs };

const char* LeftOut(Detail detail) {
  switch (detail) {
    case Detail::kPositionsOfHeadline:
      return "distances by position of all signals but the headline's";
    case Detail::kFiguresOfHeadline:
      return "all but distance, SNR and class of all signals but the headline's";
    case Detail::kPairs:
      return "all figures of signals but the headline's distance, SNR and class";
  }
  return "";
}

// Writes the events of a JSON text again, numbers digit for digit, without what a detail drops; it
// refuses to go on once that is longer than `limit` bytes.
class Filter : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Filter> {
 public:
  Filter(Detail detail, size_t limit) : detail_(detail), limit_(limit), writer_(buffer_) {}

  std::string Text() const { return std::string(buffer_.GetString(), buffer_.GetSize()); }

  bool Null() { return Skips() || writer_.Null(); }
  bool Bool(bool value) { return Skips() || writer_.Bool(value); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool) {
    return Skips() || writer_.RawValue(text, size, rapidjson::kNumberType);
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    if (Skips()) return true;
    if (path_.size() == 2 && path_.back() == "headline_signal") headline_.assign(text, size);
    return writer_.String(text, size);
  }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    if (skipped_depth_ > 0) return true;
    path_.back().assign(text, size);
    if (buffer_.GetSize() > limit_) return false;
    skips_value_ = Drops();
    return skips_value_ || writer_.Key(text, size);
  }
  bool StartObject() { return Opens() || (path_.emplace_back(), writer_.StartObject()); }
  bool EndObject(rapidjson::SizeType) {
    return Closes() || (path_.pop_back(), writer_.EndObject());
  }
  bool StartArray() { return Opens() || writer_.StartArray(); }
  bool EndArray(rapidjson::SizeType) { return Closes() || writer_.EndArray(); }

 private:
  // Whether the scalar that comes is dropped.
  bool Skips() {
    if (skipped_depth_ > 0) return true;
    const bool skips = skips_value_;
    skips_value_ = false;
    return skips;
  }
  bool Opens() {
    if (skipped_depth_ == 0 && !skips_value_) return false;
    skips_value_ = false;
    ++skipped_depth_;
    return true;
  }
  bool Closes() {
    if (skipped_depth_ == 0) return false;
    --skipped_depth_;
    return true;
  }

  // Whether the member at path_ is dropped: .../signals/NAME/by_position.
  bool Drops() const {
    const size_t depth = path_.size();
    if (depth < 4) return false;
    if (detail_ == Detail::kPairs && path_[depth - 1] == "signals") return true;
    if (path_[depth - 3] != "signals" || path_[depth - 2] == headline_) return false;
    const std::string& key = path_[depth - 1];
    if (key == "by_position") return true;
    return detail_ >= Detail::kFiguresOfHeadline &&
           (key == "phases" || key == "distinct_positions" || key == "uncertainty");
  }

  const Detail detail_;
  const size_t limit_;
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_;
  std::vector<std::string> path_;  // keys of the objects that are open
  std::string headline_;           // of the experiment
  bool skips_value_ = false;       // the value of the key that came last is dropped
  int skipped_depth_ = 0;          // arrays and objects open within a value that is dropped
};

// Index behind the string that begins at `quote`.
size_t EndOfString(absl::string_view json, size_t quote) {
  size_t i = quote + 1;
  while (i < json.size() && json[i] != '"') i += json[i] == '\\' ? 2 : 1;
  return std::min(i + 1, json.size());
}

// All of a JSON text, or of whole lines of it, but the white space between its parts.
std::string CompactedLines(absl::string_view json) {
  std::string text;
  text.reserve(json.size());
  for (size_t i = 0; i < json.size();) {
    const size_t begin = i;
    if (json[i] == '"') {
      i = EndOfString(json, i);
    } else {
      i = std::min(json.find_first_of("\" \n\r\t", i), json.size());
    }
    text.append(json.data() + begin, i - begin);
    while (i < json.size() && absl::ascii_isspace(static_cast<unsigned char>(json[i]))) ++i;
  }
  return text;
}

// Pieces of the text are shared among cores: no string of JSON goes beyond its line.
std::string Compacted(absl::string_view json) {
  constexpr size_t kPiece = size_t{1} << 20;
  std::vector<absl::string_view> pieces;
  while (!json.empty()) {
    const size_t line_end = json.find('\n', std::min(kPiece, json.size()));
    pieces.push_back(json.substr(0, line_end == json.npos ? json.npos : line_end + 1));
    json.remove_prefix(pieces.back().size());
  }
  std::vector<std::string> compacted(pieces.size());
  std::vector<std::function<void()>> tasks;
  for (size_t i = 0; i < pieces.size(); ++i) {
    tasks.push_back([&, i] { compacted[i] = CompactedLines(pieces[i]); });
  }
  RunOnAllCores(tasks);
  return compacted.size() == 1 ? std::move(compacted.front()) : absl::StrJoin(compacted, "");
}

// None if it would be longer than `limit`, as far as that was found out before the end.
std::optional<std::string> Filtered(absl::string_view json, Detail detail, size_t limit) {
  Filter filter(detail, limit);
  rapidjson::MemoryStream stream(json.data(), json.size());
  rapidjson::Reader reader;
  if (!reader.Parse<rapidjson::kParseNumbersAsStringsFlag>(stream, filter)) return std::nullopt;
  return filter.Text();
}

}  // namespace

EmbeddedReports EmbedReports(absl::string_view json, size_t limit) {
  std::string all = Compacted(json);
  if (all.size() <= limit) return {std::move(all), ""};
  for (const Detail detail : {Detail::kPositionsOfHeadline, Detail::kFiguresOfHeadline}) {
    std::optional<std::string> text = Filtered(all, detail, limit);
    if (text.has_value() && text->size() <= limit) return {*std::move(text), LeftOut(detail)};
  }
  return {*Filtered(all, Detail::kPairs, all.size()), LeftOut(Detail::kPairs)};
}

}  // namespace forensics::analyzer
