#include "runner/tokenizer/split_pattern.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

// One pass over the expression, copying what means the same and rewriting what does not.
class Translator {
 public:
  explicit Translator(absl::string_view source) : source_(source) {}

  absl::StatusOr<std::string> Run() {
    while (position_ < source_.size()) {
      if (auto status = in_class_ ? InClass() : Outside(); !status.ok()) return status;
    }
    return std::move(output_);
  }

 private:
  absl::string_view Rest() const { return source_.substr(position_); }

  void Copy(size_t count) {
    absl::StrAppend(&output_, source_.substr(position_, count));
    position_ += count;
  }

  absl::Status Unsupported(absl::string_view construct, absl::string_view why) const {
    return absl::InvalidArgumentError(absl::StrCat("regular expression: '", construct, "' at byte ",
                                                   position_, " is not supported (", why,
                                                   "): ", source_));
  }

  absl::Status Outside() {
    switch (source_[position_]) {
      case '\\':
        return Escape();
      case '[':
        in_class_ = true;
        Copy(absl::StartsWith(Rest(), "[^") ? 2 : 1);
        if (absl::StartsWith(Rest(), "]")) return Unsupported("[]", "empty class");
        return absl::OkStatus();
      case '(':
        return Group();
      case ')':
        if (depth_ == caseless_depth_) caseless_depth_ = 0;
        --depth_;
        break;
      case '^':
      case '$':
        return Unsupported(Rest().substr(0, 1), "anchor");
      case '{':
        return Interval();
      default:
        if (caseless_depth_ > 0) return Caseless();
    }
    Copy(1);
    return absl::OkStatus();
  }

  absl::Status InClass() {
    const char c = source_[position_];
    if (c == '\\') return Escape();
    if (c == '[') return Unsupported("[", "class within a class");
    if (absl::StartsWith(Rest(), "&&")) return Unsupported("&&", "intersection of classes");
    if (c == ']') in_class_ = false;
    Copy(1);
    return absl::OkStatus();
  }

  absl::Status Group() {
    if (absl::StartsWith(Rest(), "(*")) return Unsupported("(*", "verb");
    ++depth_;
    if (!absl::StartsWith(Rest(), "(?")) {
      Copy(1);
      return absl::OkStatus();
    }
    for (absl::string_view opening : {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:"}) {
      if (!absl::StartsWith(Rest(), opening)) continue;
      if (opening == "(?i:" && caseless_depth_ == 0) caseless_depth_ = depth_;
      Copy(opening.size());
      return absl::OkStatus();
    }
    return Unsupported(Rest().substr(0, 3), "group");
  }

  // {n}, {n,} and {n,m}. Oniguruma takes {,n} for {0,n}, {n}? for (?:x{n})? and {n}+ for (?:x{n})+.
  absl::Status Interval() {
    const size_t end = Rest().find('}');
    if (end == absl::string_view::npos || !absl::ascii_isdigit(Rest()[1])) {
      return Unsupported(Rest().substr(0, 2), "interval");
    }
    const absl::string_view after = Rest().substr(end + 1);
    if (absl::StartsWith(after, "?") || absl::StartsWith(after, "+")) {
      return Unsupported(Rest().substr(0, end + 2), "interval with a suffix");
    }
    Copy(end + 1);
    return absl::OkStatus();
  }

  // Without regard to case Oniguruma also lets one code point match several letters (U+00DF: ss).
  absl::Status Caseless() {
    if (!absl::ascii_isascii(source_[position_])) {
      return Unsupported(Rest(), "letters other than ASCII's without regard to case");
    }
    const std::string pair = absl::AsciiStrToLower(Rest().substr(0, 2));
    for (absl::string_view folded : {"ss", "ff", "fi", "fl", "st"}) {
      if (pair == folded) return Unsupported(pair, "also one code point without regard to case");
    }
    Copy(1);
    return absl::OkStatus();
  }

  absl::Status Escape() {
    if (Rest().size() < 2) return Unsupported("\\", "nothing follows");
    const char c = Rest()[1];
    switch (c) {
      case 's':
      case 'S':
        // PCRE2's \s also holds U+180E, which is no White_Space.
        output_ += c == 's' ? "\\p{White_Space}" : "\\P{White_Space}";
        position_ += 2;
        return absl::OkStatus();
      case 'p':
      case 'P':
        return Property();
      case 'u':
        return FourDigits();
      case 'd':
      case 'D':
      case 'r':
      case 'n':
      case 't':
      case 'f':
        Copy(2);
        return absl::OkStatus();
      default:
        if (absl::ascii_ispunct(c)) {
          Copy(2);
          return absl::OkStatus();
        }
        return Unsupported(Rest().substr(0, 2), "escape");
    }
  }

  // \p{L}, \p{Lu}, \p{^L} are general categories. A longer name is a script, which PCRE2 would
  // take for the script's extensions.
  absl::Status Property() {
    const size_t end = Rest().find('}');
    if (end == absl::string_view::npos || !absl::StartsWith(Rest().substr(2), "{")) {
      return Unsupported(Rest().substr(0, 3), "property without braces");
    }
    absl::string_view name = Rest().substr(3, end - 3);
    const absl::string_view negation = absl::StartsWith(name, "^") ? "^" : "";
    name.remove_prefix(negation.size());
    absl::StrAppend(&output_, Rest().substr(0, 3), negation, name.size() > 2 ? "sc:" : "", name,
                    "}");
    position_ += end + 1;
    return absl::OkStatus();
  }

  absl::Status FourDigits() {
    const absl::string_view digits = Rest().substr(2, 4);
    if (digits.size() < 4) return Unsupported(Rest(), "escape");
    for (char digit : digits) {
      if (!absl::ascii_isxdigit(digit)) return Unsupported(Rest().substr(0, 6), "escape");
    }
    absl::StrAppend(&output_, "\\x{", digits, "}");
    position_ += 6;
    return absl::OkStatus();
  }

  absl::string_view source_;
  size_t position_ = 0;
  bool in_class_ = false;
  int depth_ = 0;
  int caseless_depth_ = 0;  // depth of the outermost (?i: that is open; 0: none
  std::string output_;
};

}  // namespace

absl::StatusOr<std::string> OnigurumaToPcre2(absl::string_view oniguruma) {
  return Translator(oniguruma).Run();
}

}  // namespace forensics::runner
