#include "runner/prompt/jinja/strings.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runner/prompt/jinja/status_macros.h"
#include "runner/tokenizer/unicode.h"

namespace forensics::runner::jinja {
namespace {

// Python's white space: Unicode's, and four separators of ASCII.
bool IsSpace(absl::string_view point) {
  return LeadingSpace(point) == point.size() ||
         (point.size() == 1 && point[0] >= 0x1C && point[0] <= 0x1F);
}

absl::Status RequireAscii(absl::string_view text, absl::string_view function) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isascii(c); })) {
    return absl::OkStatus();
  }
  return absl::UnimplementedError(
      absl::StrCat(function, " of letters other than ASCII's is not supported"));
}

std::vector<Value> SplitAtSpace(absl::string_view text, int64_t most) {
  std::vector<Value> parts;
  std::string part;
  const auto points = CodePoints(text);
  for (size_t i = 0; i < points.size(); ++i) {
    if (!IsSpace(points[i])) {
      if (part.empty() && most >= 0 && static_cast<int64_t>(parts.size()) == most) {
        const size_t start = static_cast<size_t>(points[i].data() - text.data());
        parts.emplace_back(Strip(text.substr(start), nullptr, false, true));
        return parts;
      }
      absl::StrAppend(&part, points[i]);
    } else if (!part.empty()) {
      parts.emplace_back(std::exchange(part, ""));
    }
  }
  if (!part.empty()) parts.emplace_back(std::move(part));
  return parts;
}

std::vector<Value> SplitAt(absl::string_view text, absl::string_view separator, int64_t most) {
  std::vector<Value> parts;
  size_t at = 0;
  while ((most < 0 || static_cast<int64_t>(parts.size()) < most) &&
         (at = text.find(separator)) != absl::string_view::npos) {
    parts.emplace_back(std::string(text.substr(0, at)));
    text.remove_prefix(at + separator.size());
  }
  parts.emplace_back(std::string(text));
  return parts;
}

std::vector<Value> SplitAtFromRight(absl::string_view text, absl::string_view separator,
                                    int64_t most) {
  std::vector<Value> parts;
  size_t at = 0;
  while ((most < 0 || static_cast<int64_t>(parts.size()) < most) &&
         (at = text.rfind(separator)) != absl::string_view::npos) {
    parts.emplace_back(std::string(text.substr(at + separator.size())));
    text = text.substr(0, at);
  }
  parts.emplace_back(std::string(text));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

absl::StatusOr<Value> Split(const std::string& text, const Arguments& arguments, bool from_right) {
  JINJA_RETURN_IF_ERROR(arguments.Check("split", 2, {"sep", "maxsplit"}));
  const Value* separator = arguments.Get(0, "sep");
  const Value* limit = arguments.Get(1, "maxsplit");
  if (limit != nullptr && limit->AsInteger() == nullptr) {
    return absl::InvalidArgumentError("split: maxsplit is not an integer");
  }
  const int64_t most = limit == nullptr ? -1 : *limit->AsInteger();
  if (separator == nullptr || separator->IsNone()) {
    if (from_right && most >= 0) {
      return absl::UnimplementedError("rsplit with maxsplit at white space is not supported");
    }
    return Value::OfList(SplitAtSpace(text, most));
  }
  const std::string* by = separator->AsString();
  if (by == nullptr || by->empty()) {
    return absl::InvalidArgumentError("split: the separator is not a string with characters");
  }
  return Value::OfList(from_right ? SplitAtFromRight(text, *by, most) : SplitAt(text, *by, most));
}

absl::StatusOr<Value> Join(const std::string& separator, const Arguments& arguments) {
  const List* list = arguments.positional.empty() ? nullptr : arguments.positional[0].AsList();
  if (list == nullptr) return absl::InvalidArgumentError("join: expected a list");
  std::string joined;
  for (size_t i = 0; i < list->items.size(); ++i) {
    const std::string* item = list->items[i].AsString();
    if (item == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("join: item ", i, " is of type ", list->items[i].TypeName()));
    }
    absl::StrAppend(&joined, i > 0 ? separator : "", *item);
  }
  return Value(std::move(joined));
}

// str.startswith and str.endswith: of a string or of one of a list.
absl::StatusOr<Value> HasAffix(const std::string& text, const Value& affix, bool at_start) {
  const auto has = [&](const std::string& one) {
    return at_start ? absl::StartsWith(text, one) : absl::EndsWith(text, one);
  };
  if (const std::string* one = affix.AsString()) return Value(has(*one));
  const List* several = affix.AsList();
  if (several == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        at_start ? "startswith" : "endswith", ": expected a string, found ", affix.TypeName()));
  }
  return Value(std::any_of(several->items.begin(), several->items.end(), [&](const Value& one) {
    return one.AsString() != nullptr && has(*one.AsString());
  }));
}

std::vector<Value> SplitLines(absl::string_view text) {
  std::vector<Value> lines;
  while (!text.empty()) {
    const size_t end = text.find_first_of("\n\r");
    lines.emplace_back(std::string(text.substr(0, end)));
    if (end == absl::string_view::npos) break;
    text.remove_prefix(end + (absl::StartsWith(text.substr(end), "\r\n") ? 2 : 1));
  }
  return lines;
}

int64_t CountOf(absl::string_view text, absl::string_view part) {
  int64_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != absl::string_view::npos; at += part.size()) {
    ++count;
  }
  return count;
}

// Methods whose one argument is a string.
absl::StatusOr<Value> CallWithString(const std::string& text, absl::string_view name,
                                     const std::string& part) {
  if (name == "removeprefix") return Value(std::string(absl::StripPrefix(text, part)));
  if (name == "removesuffix") return Value(std::string(absl::StripSuffix(text, part)));
  if (name == "count") return Value(part.empty() ? CodePointCount(text) + 1 : CountOf(text, part));
  const size_t at = name == "rfind" ? text.rfind(part) : text.find(part);
  if (at == std::string::npos) {
    if (name == "index") return absl::InvalidArgumentError("index: substring not found");
    return Value(int64_t{-1});
  }
  return Value(CodePointCount(absl::string_view(text).substr(0, at)));
}

}  // namespace

std::vector<absl::string_view> CodePoints(absl::string_view text) {
  std::vector<absl::string_view> points;
  for (size_t i = 0; i < text.size(); i += points.back().size()) {
    points.push_back(text.substr(i, ScanUtf8(text, i).size));
  }
  return points;
}

int64_t CodePointCount(absl::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

std::string Strip(absl::string_view text, const std::string* characters, bool left, bool right) {
  const auto drops = [&](absl::string_view point) {
    return characters == nullptr ? IsSpace(point) : absl::StrContains(*characters, point);
  };
  const auto points = CodePoints(text);
  auto first = points.begin();
  auto last = points.end();
  while (left && first != last && drops(*first)) ++first;
  while (right && first != last && drops(*(last - 1))) --last;
  if (first == last) return "";
  const size_t start = static_cast<size_t>(first->data() - text.data());
  return std::string(text.substr(
      start, static_cast<size_t>((last - 1)->data() - first->data()) + (last - 1)->size()));
}

absl::StatusOr<std::string> Replace(absl::string_view text, absl::string_view from,
                                    absl::string_view to, int64_t count) {
  if (from.empty()) return absl::UnimplementedError("replace of an empty string is not supported");
  std::string result;
  for (size_t at = 0; count != 0 && (at = text.find(from)) != absl::string_view::npos; --count) {
    absl::StrAppend(&result, text.substr(0, at), to);
    text.remove_prefix(at + from.size());
  }
  absl::StrAppend(&result, text);
  return result;
}

absl::StatusOr<std::string> ToUpper(absl::string_view text) {
  JINJA_RETURN_IF_ERROR(RequireAscii(text, "upper"));
  return absl::AsciiStrToUpper(text);
}

absl::StatusOr<std::string> ToLower(absl::string_view text) {
  JINJA_RETURN_IF_ERROR(RequireAscii(text, "lower"));
  return absl::AsciiStrToLower(text);
}

absl::StatusOr<std::string> Capitalize(absl::string_view text) {
  JINJA_ASSIGN(std::string result, ToLower(text));
  if (!result.empty()) result[0] = absl::ascii_toupper(result[0]);
  return result;
}

absl::StatusOr<std::string> Title(absl::string_view text) {
  JINJA_ASSIGN(std::string result, ToLower(text));
  for (size_t i = 0; i < result.size(); ++i) {
    if (i == 0 || !absl::ascii_isalpha(result[i - 1])) result[i] = absl::ascii_toupper(result[i]);
  }
  return result;
}

absl::StatusOr<std::vector<int64_t>> SliceIndices(int64_t size, const Value& start,
                                                  const Value& stop, const Value& step) {
  for (const Value* bound : {&start, &stop, &step}) {
    if (!bound->IsUndefined() && !bound->IsNone() && bound->AsInteger() == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("a slice's bound is of type ", bound->TypeName()));
    }
  }
  const int64_t stride = step.AsInteger() ? *step.AsInteger() : 1;
  if (stride == 0) return absl::InvalidArgumentError("a slice's step is 0");
  const int64_t low = stride > 0 ? 0 : -1;
  const int64_t high = stride > 0 ? size : size - 1;
  const auto clamp = [&](const Value& bound, int64_t missing) {
    if (bound.AsInteger() == nullptr) return missing;
    const int64_t value = *bound.AsInteger();
    return std::clamp(value < 0 ? value + size : value, low, high);
  };
  const int64_t first = clamp(start, stride > 0 ? low : high);
  const int64_t end = clamp(stop, stride > 0 ? high : low);
  std::vector<int64_t> indices;
  if (stride > 0) {
    for (int64_t i = first; i < end; i += std::min(stride, size + 1)) indices.push_back(i);
  } else {
    for (int64_t i = first; i > end; i += std::max(stride, -size - 1)) indices.push_back(i);
  }
  return indices;
}

absl::StatusOr<Value> CallStringMethod(const std::string& text, absl::string_view name,
                                       const Arguments& arguments) {
  const std::string function = absl::StrCat("str.", name);
  const auto argument = [&](size_t i) -> const std::string* {
    return i < arguments.positional.size() ? arguments.positional[i].AsString() : nullptr;
  };
  if (name == "split" || name == "rsplit") return Split(text, arguments, name == "rsplit");
  if (name == "upper" || name == "lower" || name == "title" || name == "capitalize") {
    JINJA_RETURN_IF_ERROR(arguments.Check(function, 0));
    return name == "upper"   ? ToUpper(text)
           : name == "lower" ? ToLower(text)
           : name == "title" ? Title(text)
                             : Capitalize(text);
  }
  if (name == "splitlines") {
    JINJA_RETURN_IF_ERROR(arguments.Check(function, 0));
    return Value::OfList(SplitLines(text));
  }
  if (name == "strip" || name == "lstrip" || name == "rstrip") {
    JINJA_RETURN_IF_ERROR(arguments.Check(function, 1));
    const bool given = !arguments.positional.empty() && !arguments.positional[0].IsNone();
    if (given && argument(0) == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(function, ": expected a string"));
    }
    return Value(Strip(text, argument(0), name != "rstrip", name != "lstrip"));
  }
  if (name == "replace") {
    JINJA_RETURN_IF_ERROR(arguments.Check(function, 3));
    const Value* count = arguments.Get(2, "count");
    if (argument(0) == nullptr || argument(1) == nullptr ||
        (count != nullptr && count->AsInteger() == nullptr)) {
      return absl::InvalidArgumentError("str.replace: expected two strings and perhaps a count");
    }
    return Replace(text, *argument(0), *argument(1), count == nullptr ? -1 : *count->AsInteger());
  }
  if (name == "join") {
    JINJA_RETURN_IF_ERROR(arguments.Check(function, 1));
    return Join(text, arguments);
  }
  if (name == "startswith" || name == "endswith") {
    JINJA_RETURN_IF_ERROR(arguments.Check(function, 1));
    return HasAffix(text, arguments.positional.empty() ? Value() : arguments.positional[0],
                    name == "startswith");
  }
  for (absl::string_view known :
       {"removeprefix", "removesuffix", "count", "find", "rfind", "index"}) {
    if (name != known) continue;
    JINJA_RETURN_IF_ERROR(arguments.Check(function, 1));
    if (argument(0) == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(function, ": expected a string"));
    }
    return CallWithString(text, name, *argument(0));
  }
  return absl::UnimplementedError(absl::StrCat("method ", function, " is not supported"));
}

}  // namespace forensics::runner::jinja
