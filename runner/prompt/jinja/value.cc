#include "runner/prompt/jinja/value.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runner/prompt/jinja/status_macros.h"

namespace forensics::runner::jinja {
namespace {

// Of lists in lists.
constexpr int kMaxDepth = 100;

// Python's repr: the shortest text that reads back, with ".0" where it would read as an integer.
std::string FloatText(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char text[40];
  for (int digits = 1; digits <= 17; ++digits) {
    std::snprintf(text, sizeof(text), "%.*e", digits - 1, value);
    if (std::strtod(text, nullptr) == value) break;
  }
  const int exponent = std::atoi(std::strchr(text, 'e') + 1);
  if (exponent < -4 || exponent >= 16) {
    std::string scientific = text;
    return scientific;
  }
  const int digits = static_cast<int>(std::strchr(text, 'e') - text) - (value < 0);
  const int significant = digits > 1 ? digits - 1 : 1;  // without the point
  const int decimals = std::max(1, significant - 1 - exponent);
  return absl::StrFormat("%.*f", decimals, value);
}

void AppendQuoted(absl::string_view text, std::string* out) {
  // Python prefers single quotes, unless only they occur inside.
  const bool use_double = absl::StrContains(text, "'") && !absl::StrContains(text, "\"");
  const char quote = use_double ? '"' : '\'';
  out->push_back(quote);
  for (char c : text) {
    switch (c) {
      case '\n':
        *out += "\\n";
        break;
      case '\r':
        *out += "\\r";
        break;
      case '\t':
        *out += "\\t";
        break;
      case '\\':
        *out += "\\\\";
        break;
      default:
        if (c == quote) *out += '\\';
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          absl::StrAppendFormat(out, "\\x%02x", c);
        } else {
          *out += c;
        }
    }
  }
  out->push_back(quote);
}

void AppendText(const Value& value, bool quoted, int depth, std::string* out) {
  if (value.IsUndefined()) {
    if (quoted) *out += "Undefined";
    return;
  }
  if (depth > kMaxDepth) {
    *out += "...";
  } else if (value.IsNone()) {
    *out += "None";
  } else if (const bool* boolean = value.AsBool()) {
    *out += *boolean ? "True" : "False";
  } else if (const int64_t* integer = value.AsInteger()) {
    absl::StrAppend(out, *integer);
  } else if (const double* number = value.AsFloat()) {
    *out += FloatText(*number);
  } else if (const std::string* text = value.AsString()) {
    quoted ? AppendQuoted(*text, out) : void(*out += *text);
  } else if (const List* list = value.AsList()) {
    *out += '[';
    for (size_t i = 0; i < list->items.size(); ++i) {
      if (i > 0) *out += ", ";
      AppendText(list->items[i], true, depth + 1, out);
    }
    *out += ']';
  } else if (const Dict* dict = value.AsDict()) {
    *out += '{';
    for (size_t i = 0; i < dict->members.size(); ++i) {
      if (i > 0) *out += ", ";
      AppendQuoted(dict->members[i].first, out);
      *out += ": ";
      AppendText(dict->members[i].second, true, depth + 1, out);
    }
    *out += '}';
  } else if (const Function* function = value.AsFunction()) {
    absl::StrAppend(out, "<function ", function->name, ">");
  }
}

void AppendJsonString(absl::string_view text, std::string* out) {
  out->push_back('"');
  for (char c : text) {
    constexpr absl::string_view kEscaped = "\"\\\n\r\t\b\f";
    constexpr absl::string_view kLetters = "\"\\nrtbf";
    if (const size_t at = kEscaped.find(c); at != absl::string_view::npos) {
      *out += '\\';
      *out += kLetters[at];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(out, "\\u%04x", c);
    } else {
      *out += c;
    }
  }
  out->push_back('"');
}

// Appends "[a, b]" or, with an indent, a line for each element.
template <typename Elements, typename Append>
absl::Status AppendJsonSequence(const Elements& elements, char open, char close, int indent,
                                int depth, std::string* out, Append append) {
  *out += open;
  for (size_t i = 0; i < elements.size(); ++i) {
    if (i > 0) *out += indent < 0 ? ", " : ",";
    if (indent >= 0) *out += "\n" + std::string((depth + 1) * indent, ' ');
    JINJA_RETURN_IF_ERROR(append(elements[i]));
  }
  if (indent >= 0 && !elements.empty()) *out += "\n" + std::string(depth * indent, ' ');
  *out += close;
  return absl::OkStatus();
}

absl::Status AppendJson(const Value& value, int indent, int depth, std::string* out) {
  if (depth > kMaxDepth) return absl::InvalidArgumentError("tojson: nested too deeply");
  if (const List* list = value.AsList()) {
    return AppendJsonSequence(list->items, '[', ']', indent, depth, out, [&](const Value& item) {
      return AppendJson(item, indent, depth + 1, out);
    });
  }
  if (const Dict* dict = value.AsDict()) {
    return AppendJsonSequence(dict->members, '{', '}', indent, depth, out, [&](const auto& member) {
      AppendJsonString(member.first, out);
      *out += ": ";
      return AppendJson(member.second, indent, depth + 1, out);
    });
  }
  if (value.IsNone()) {
    *out += "null";
  } else if (const bool* boolean = value.AsBool()) {
    *out += *boolean ? "true" : "false";
  } else if (const std::string* text = value.AsString()) {
    AppendJsonString(*text, out);
  } else if (value.IsNumber()) {
    *out += value.ToText();
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("tojson: a value of type ", value.TypeName(), " is not JSON"));
  }
  return absl::OkStatus();
}

}  // namespace

const Value* Dict::Find(absl::string_view key) const {
  for (const auto& [name, value] : members) {
    if (name == key) return &value;
  }
  return nullptr;
}

void Dict::Set(absl::string_view key, Value value) {
  for (auto& [name, old] : members) {
    if (name == key) {
      old = std::move(value);
      return;
    }
  }
  members.emplace_back(std::string(key), std::move(value));
}

Value Value::OfList(std::vector<Value> items) {
  return std::make_shared<List>(List{std::move(items)});
}

Value Value::OfDict(std::vector<std::pair<std::string, Value>> members) {
  auto dict = std::make_shared<Dict>();
  dict->members = std::move(members);
  return dict;
}

double Value::ToDouble() const {
  if (const double* value = AsFloat()) return *value;
  return static_cast<double>(ToInteger());
}

int64_t Value::ToInteger() const {
  if (const bool* value = AsBool()) return *value ? 1 : 0;
  const int64_t* value = AsInteger();
  return value == nullptr ? 0 : *value;
}

absl::string_view Value::TypeName() const {
  constexpr absl::string_view kNames[] = {"Undefined", "NoneType", "bool", "int",     "float",
                                          "str",       "list",     "dict", "function"};
  return kNames[data_.index()];
}

bool Value::IsTrue() const {
  if (IsUndefined() || IsNone()) return false;
  if (IsNumber()) return ToDouble() != 0;
  if (const std::string* text = AsString()) return !text->empty();
  if (const List* list = AsList()) return !list->items.empty();
  if (const Dict* dict = AsDict()) return dict->is_namespace || !dict->members.empty();
  return true;
}

std::string Value::ToText() const {
  std::string text;
  AppendText(*this, false, 0, &text);
  return text;
}

std::string Value::ToRepr() const {
  std::string text;
  AppendText(*this, true, 0, &text);
  return text;
}

const Value* Arguments::Get(size_t index, absl::string_view name) const {
  if (index < positional.size()) return &positional[index];
  for (const auto& [argument, value] : named) {
    if (argument == name) return &value;
  }
  return nullptr;
}

absl::Status Arguments::Check(absl::string_view function, size_t most,
                              const std::vector<absl::string_view>& names) const {
  if (positional.size() > most) {
    return absl::InvalidArgumentError(
        absl::StrCat(function, ": ", positional.size(), " arguments, at most ", most, " expected"));
  }
  for (const auto& [name, value] : named) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(function, ": argument '", name, "' is not supported"));
    }
  }
  return absl::OkStatus();
}

bool Equal(const Value& a, const Value& b) {
  if (a.IsNumber() && b.IsNumber()) {
    return a.AsFloat() || b.AsFloat() ? a.ToDouble() == b.ToDouble()
                                      : a.ToInteger() == b.ToInteger();
  }
  if (a.AsString() && b.AsString()) return *a.AsString() == *b.AsString();
  if (a.AsList() && b.AsList()) {
    const auto& x = a.AsList()->items;
    const auto& y = b.AsList()->items;
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), Equal);
  }
  if (a.AsDict() && b.AsDict()) {
    const auto& members = a.AsDict()->members;
    return members.size() == b.AsDict()->members.size() &&
           std::all_of(members.begin(), members.end(), [&](const auto& member) {
             const Value* other = b.AsDict()->Find(member.first);
             return other != nullptr && Equal(member.second, *other);
           });
  }
  return (a.IsNone() && b.IsNone()) || (a.IsUndefined() && b.IsUndefined());
}

absl::StatusOr<int> Compare(const Value& a, const Value& b) {
  if (a.IsNumber() && b.IsNumber()) {
    const double x = a.ToDouble(), y = b.ToDouble();
    return x < y ? -1 : x > y ? 1 : 0;
  }
  // Bytes of UTF-8 order as code points do.
  if (a.AsString() && b.AsString()) return a.AsString()->compare(*b.AsString());
  return absl::InvalidArgumentError(
      absl::StrCat("values of type ", a.TypeName(), " and ", b.TypeName(), " have no order"));
}

absl::StatusOr<std::string> ToJson(const Value& value, int indent) {
  std::string json;
  JINJA_RETURN_IF_ERROR(AppendJson(value, indent, 0, &json));
  return json;
}

}  // namespace forensics::runner::jinja
