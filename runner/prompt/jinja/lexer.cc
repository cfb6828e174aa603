#include "runner/prompt/jinja/lexer.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "runner/prompt/jinja/status_macros.h"

namespace forensics::runner::jinja {
namespace {

// Of one tag; a chain such as 1+1+1+... becomes a tree of that depth.
constexpr size_t kMaxTokens = 2000;

void AppendUtf8(uint32_t point, std::string* out) {
  const auto push = [&](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    push(point);
  } else if (point < 0x800) {
    push(0xC0 | point >> 6);
    push(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    push(0xE0 | point >> 12);
    push(0x80 | (point >> 6 & 0x3F));
    push(0x80 | (point & 0x3F));
  } else {
    push(0xF0 | point >> 18);
    push(0x80 | (point >> 12 & 0x3F));
    push(0x80 | (point >> 6 & 0x3F));
    push(0x80 | (point & 0x3F));
  }
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  absl::StatusOr<std::vector<Token>> Run() {
    while (position_ < source_.size()) {
      const size_t tag = NextTag();
      JINJA_RETURN_IF_ERROR(Text(tag));
      if (tag == source_.size()) break;
      JINJA_RETURN_IF_ERROR(Tag());
    }
    Add(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  absl::string_view Rest() const { return absl::string_view(source_).substr(position_); }
  bool At(absl::string_view text) const { return absl::StartsWith(Rest(), text); }

  void Add(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }

  void Advance(size_t count) {
    count = std::min(count, source_.size() - position_);
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<int64_t>(position_),
                                         source_.begin() + static_cast<int64_t>(position_ + count),
                                         '\n'));
    position_ += count;
    if (count > 0) at_line_start_ = source_[position_ - 1] == '\n';
  }

  void SkipSpace() {
    while (position_ < source_.size() && absl::ascii_isspace(source_[position_])) Advance(1);
  }

  size_t NextTag() const {
    for (size_t at = position_; (at = source_.find('{', at)) != std::string::npos; ++at) {
      if (at + 1 < source_.size() && absl::StrContains("{%#", source_[at + 1])) return at;
    }
    return source_.size();
  }

  // The text up to `tag`, less the white space that the tag takes.
  absl::Status Text(size_t tag) {
    absl::string_view text = absl::string_view(source_).substr(position_, tag - position_);
    const char kind = tag < source_.size() ? source_[tag + 1] : 0;
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : 0;
    if (kind != 0 && sign == '-') {
      text = absl::StripTrailingAsciiWhitespace(text);
    } else if ((kind == '%' || kind == '#') && sign != '+') {
      const size_t newline = text.rfind('\n');
      const size_t line = newline == absl::string_view::npos ? 0 : newline + 1;
      // At the start of `text` a line begins only if the tag before ended one.
      if ((line > 0 || at_line_start_) && absl::StripAsciiWhitespace(text.substr(line)).empty()) {
        text = text.substr(0, line);
      }
    }
    if (!text.empty()) Add(TokenKind::kText, std::string(text));
    Advance(tag - position_);
    return absl::OkStatus();
  }

  absl::Status Tag() {
    const char kind = source_[position_ + 1];
    if (kind == '#') return Comment();
    if (IsRaw()) return Raw();
    const bool block = kind == '%';
    Add(block ? TokenKind::kBlockBegin : TokenKind::kOutputBegin, "");
    const int opened_at = line_;
    Advance(2);
    if (At("-") || At("+")) Advance(1);
    int depth = 0;
    const size_t first_token = tokens_.size();
    while (true) {
      SkipSpace();
      if (tokens_.size() - first_token > kMaxTokens) {
        return ErrorAtLine(opened_at, "a tag is too long");
      }
      if (position_ == source_.size()) {
        return ErrorAtLine(opened_at, block ? "'{%' is not closed" : "'{{' is not closed");
      }
      if (depth == 0 && TagEnd(block)) return absl::OkStatus();
      JINJA_RETURN_IF_ERROR(ExpressionToken(&depth));
    }
  }

  // At the end of the tag: consumes it and the white space it takes.
  bool TagEnd(bool block) {
    const absl::string_view close = block ? "%}" : "}}";
    const bool strips = At(absl::StrCat("-", close));
    const bool keeps = block && At(absl::StrCat("+", close));
    if (!strips && !keeps && !At(close)) return false;
    Add(block ? TokenKind::kBlockEnd : TokenKind::kOutputEnd, "");
    Advance(close.size() + (strips || keeps));
    if (strips) SkipSpace();
    if (block && !strips && !keeps && At("\n")) Advance(1);
    return true;
  }

  absl::Status Comment() {
    const size_t end = source_.find("#}", position_ + 2);
    if (end == std::string::npos) return ErrorAtLine(line_, "'{#' is not closed");
    const char sign = source_[end - 1];
    Advance(end + 2 - position_);
    if (sign == '-') {
      SkipSpace();
    } else if (sign != '+' && At("\n")) {
      Advance(1);
    }
    return absl::OkStatus();
  }

  // The length of "{%- NAME -%}" at the start of `text`; 0: something else is there.
  static size_t BareBlock(absl::string_view text, absl::string_view name, bool* strips) {
    absl::string_view rest = text;
    if (!absl::ConsumePrefix(&rest, "{%")) return 0;
    if (!absl::ConsumePrefix(&rest, "-")) absl::ConsumePrefix(&rest, "+");
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (!absl::ConsumePrefix(&rest, name)) return 0;
    rest = absl::StripLeadingAsciiWhitespace(rest);
    *strips = absl::ConsumePrefix(&rest, "-");
    return absl::ConsumePrefix(&rest, "%}") ? text.size() - rest.size() : 0;
  }

  bool IsRaw() const {
    bool strips = false;
    return BareBlock(Rest(), "raw", &strips) > 0;
  }

  absl::Status Raw() {
    const int opened_at = line_;
    bool strips = false;
    Advance(BareBlock(Rest(), "raw", &strips));
    if (strips) SkipSpace();
    for (size_t at = position_; (at = source_.find("{%", at)) != std::string::npos; ++at) {
      const size_t size = BareBlock(absl::string_view(source_).substr(at), "endraw", &strips);
      if (size == 0) continue;
      JINJA_RETURN_IF_ERROR(Text(at));
      Advance(size);
      if (strips) {
        SkipSpace();
      } else if (At("\n")) {
        Advance(1);
      }
      return absl::OkStatus();
    }
    return ErrorAtLine(opened_at, "'raw' is not closed");
  }

  absl::Status ExpressionToken(int* depth) {
    const char c = source_[position_];
    if (c == '"' || c == '\'') return String(c);
    if (absl::ascii_isdigit(c)) return Number();
    if (absl::ascii_isalpha(c) || c == '_') {
      size_t size = 1;
      while (size < Rest().size() && (absl::ascii_isalnum(Rest()[size]) || Rest()[size] == '_')) {
        ++size;
      }
      Add(TokenKind::kName, std::string(Rest().substr(0, size)));
      Advance(size);
      return absl::OkStatus();
    }
    for (absl::string_view two : {"==", "!=", "<=", ">=", "//", "**"}) {
      if (At(two)) return Operator(2);
    }
    if (!absl::StrContains("+-/*%~[](){}<>=.:|,", c)) {
      return ErrorAtLine(line_, absl::StrCat("unexpected character '", Rest().substr(0, 1), "'"));
    }
    if (absl::StrContains("([{", c)) ++*depth;
    if (absl::StrContains(")]}", c)) --*depth;
    if (*depth < 0)
      return ErrorAtLine(line_, absl::StrCat("unexpected '", Rest().substr(0, 1), "'"));
    return Operator(1);
  }

  absl::Status Operator(size_t size) {
    Add(TokenKind::kOperator, std::string(Rest().substr(0, size)));
    Advance(size);
    return absl::OkStatus();
  }

  absl::Status Number() {
    const auto digits = [&](size_t from) {
      while (from < Rest().size() && (absl::ascii_isdigit(Rest()[from]) || Rest()[from] == '_')) {
        ++from;
      }
      return from;
    };
    size_t size = digits(0);
    bool is_float = false;
    if (size + 1 < Rest().size() && Rest()[size] == '.' && absl::ascii_isdigit(Rest()[size + 1])) {
      is_float = true;
      size = digits(size + 1);
    }
    if (size < Rest().size() && absl::ascii_isalpha(Rest()[size])) {
      return ErrorAtLine(line_, absl::StrCat("number '", Rest().substr(0, size + 1), "'"));
    }
    Add(is_float ? TokenKind::kFloat : TokenKind::kInteger,
        absl::StrReplaceAll(Rest().substr(0, size), {{"_", ""}}));
    Advance(size);
    return absl::OkStatus();
  }

  absl::Status String(char quote) {
    std::string value;
    const int opened_at = line_;
    for (size_t i = 1; i < Rest().size(); ++i) {
      const char c = Rest()[i];
      if (c == quote) {
        tokens_.push_back({TokenKind::kString, std::move(value), opened_at});
        Advance(i + 1);
        return absl::OkStatus();
      }
      if (c != '\\') {
        value += c;
        continue;
      }
      JINJA_RETURN_IF_ERROR(Escape(&i, &value));
    }
    return ErrorAtLine(opened_at, "a string is not closed");
  }

  // Python's escapes; Rest()[*i] is the backslash, and *i becomes the last character consumed.
  absl::Status Escape(size_t* i, std::string* value) {
    const absl::string_view rest = Rest().substr(*i + 1);
    if (rest.empty()) return absl::OkStatus();  // the string is not closed
    constexpr absl::string_view kLetters = "\n\\'\"abfnrtv";
    constexpr absl::string_view kMeanings("\0\\'\"\a\b\f\n\r\t\v", 11);
    const char letter = rest[0];
    ++*i;
    if (const size_t at = kLetters.find(letter); at != absl::string_view::npos) {
      if (letter != '\n') *value += kMeanings[at];  // a backslash joins lines
      return absl::OkStatus();
    }
    const size_t digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    uint32_t point = 0;
    if (digits > 0) {
      if (rest.size() <= digits || !absl::SimpleHexAtoi(rest.substr(1, digits), &point) ||
          point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
        return ErrorAtLine(line_, absl::StrCat("escape '\\", rest.substr(0, digits + 1), "'"));
      }
      AppendUtf8(point, value);
      *i += digits;
      return absl::OkStatus();
    }
    if (absl::ascii_isdigit(letter) || letter == 'N') {
      return ErrorAtLine(line_,
                         absl::StrCat("escape '\\", rest.substr(0, 1), "' is not supported"));
    }
    *value += '\\';  // an unknown escape stands for itself
    *value += letter;
    return absl::OkStatus();
  }

  std::string source_;
  size_t position_ = 0;
  int line_ = 1;
  bool at_line_start_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

absl::Status ErrorAtLine(int line, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", message));
}

absl::StatusOr<std::vector<Token>> Tokenize(absl::string_view source) {
  std::string text = absl::StrReplaceAll(source, {{"\r\n", "\n"}, {"\r", "\n"}});
  // Jinja drops one newline at the end of a template (keep_trailing_newline is off).
  if (absl::EndsWith(text, "\n")) text.pop_back();
  return Lexer(std::move(text)).Run();
}

}  // namespace forensics::runner::jinja
