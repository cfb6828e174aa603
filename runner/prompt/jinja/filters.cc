#include "runner/prompt/jinja/filters.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/optional.h"
#include "runner/prompt/jinja/status_macros.h"
#include "runner/prompt/jinja/strings.h"

namespace forensics::runner::jinja {
namespace {

using Result = absl::StatusOr<Value>;

absl::Status WrongType(absl::string_view what, const Value& value) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": a value of type ", value.TypeName(),
                   value.AsUndefined() ? absl::StrCat(" (", value.AsUndefined()->what, ")") : ""));
}

// A string as it is, another value as it prints.
std::string Text(const Value& value) { return value.ToText(); }

Result Length(const Value& value, const Arguments&) {
  if (const std::string* text = value.AsString()) return Value(CodePointCount(*text));
  if (value.IsUndefined()) return Value(int64_t{0});
  JINJA_ASSIGN(const auto items, Iterate(value));
  return Value(static_cast<int64_t>(items.size()));
}

Result Trim(const Value& value, const Arguments& arguments) {
  const Value* characters = arguments.Get(0, "chars");
  return Value(Strip(Text(value), characters ? characters->AsString() : nullptr, true, true));
}

Result Default(const Value& value, const Arguments& arguments) {
  const Value* boolean = arguments.Get(1, "boolean");
  const bool replaces_false = boolean != nullptr && boolean->IsTrue();
  if (!value.IsUndefined() && (!replaces_false || value.IsTrue())) return value;
  const Value* other = arguments.Get(0, "default_value");
  return other == nullptr ? Value("") : *other;
}

Result Join(const Value& value, const Arguments& arguments) {
  const Value* separator = arguments.Get(0, "d");
  const Value* attribute = arguments.Get(1, "attribute");
  JINJA_ASSIGN(const auto items, Iterate(value));
  std::string joined;
  for (size_t i = 0; i < items.size(); ++i) {
    Value item = items[i];
    if (attribute != nullptr) {
      JINJA_ASSIGN(item, GetItem(items[i], *attribute));
    }
    absl::StrAppend(&joined, i > 0 && separator ? Text(*separator) : "", Text(item));
  }
  return Value(std::move(joined));
}

Result First(const Value& value, const Arguments&) {
  JINJA_ASSIGN(auto items, Iterate(value));
  return items.empty() ? Value(Undefined{"the first item of nothing"}) : std::move(items.front());
}

Result Last(const Value& value, const Arguments&) {
  JINJA_ASSIGN(auto items, Iterate(value));
  return items.empty() ? Value(Undefined{"the last item of nothing"}) : std::move(items.back());
}

Result ListOf(const Value& value, const Arguments&) {
  JINJA_ASSIGN(auto items, Iterate(value));
  return Value::OfList(std::move(items));
}

Result Reverse(const Value& value, const Arguments&) {
  JINJA_ASSIGN(auto items, Iterate(value));
  std::reverse(items.begin(), items.end());
  if (value.AsString() == nullptr) return Value::OfList(std::move(items));
  std::string text;
  for (const Value& item : items) text += Text(item);
  return Value(std::move(text));
}

Result ToInt(const Value& value, const Arguments& arguments) {
  if (value.AsFloat()) return Value(static_cast<int64_t>(value.ToDouble()));
  if (value.IsNumber()) return Value(value.ToInteger());
  int64_t number = 0;
  if (value.AsString() && absl::SimpleAtoi(*value.AsString(), &number)) return Value(number);
  const Value* other = arguments.Get(0, "default");
  return other == nullptr ? Value(int64_t{0}) : *other;
}

Result ToFloat(const Value& value, const Arguments& arguments) {
  if (value.IsNumber()) return Value(value.ToDouble());
  double number = 0;
  if (value.AsString() && absl::SimpleAtod(*value.AsString(), &number)) return Value(number);
  const Value* other = arguments.Get(0, "default");
  return other == nullptr ? Value(0.0) : *other;
}

// transformers' tojson; the arguments that it allows to change the separators are refused.
Result Json(const Value& value, const Arguments& arguments) {
  for (const auto& [name, argument] : arguments.named) {
    if (name == "indent" || (name == "ensure_ascii" && !argument.IsTrue()) ||
        (name == "sort_keys" && !argument.IsTrue())) {
      continue;
    }
    return absl::UnimplementedError(absl::StrCat("tojson: argument '", name, "' is not supported"));
  }
  if (!arguments.positional.empty()) {
    return absl::UnimplementedError("tojson: unnamed arguments are not supported");
  }
  const Value* indent = arguments.Get(0, "indent");
  if (indent == nullptr || indent->IsNone()) return ToJson(value);
  if (indent->AsInteger() == nullptr || *indent->AsInteger() < 0 || *indent->AsInteger() > 16) {
    return absl::InvalidArgumentError("tojson: indent is not an integer from 0 to 16");
  }
  return ToJson(value, static_cast<int>(*indent->AsInteger()));
}

Result ReplaceAll(const Value& value, const Arguments& arguments) {
  const Value* from = arguments.Get(0, "old");
  const Value* to = arguments.Get(1, "new");
  if (from == nullptr || to == nullptr) {
    return absl::InvalidArgumentError("replace: expected two strings");
  }
  return Replace(Text(value), Text(*from), Text(*to), -1);
}

Result Items(const Value& value, const Arguments&) {
  if (value.IsUndefined()) return Value::OfList({});
  const Dict* dict = value.AsDict();
  if (dict == nullptr) return WrongType("items", value);
  std::vector<Value> items;
  for (const auto& [key, item] : dict->members) items.push_back(Value::OfList({key, item}));
  return Value::OfList(std::move(items));
}

// indent(width=4, first=false, blank=false).
Result Indent(const Value& value, const Arguments& arguments) {
  const Value* width = arguments.Get(0, "width");
  const Value* first = arguments.Get(1, "first");
  const Value* blank = arguments.Get(2, "blank");
  if (width != nullptr &&
      (width->AsInteger() == nullptr || *width->AsInteger() < 0 || *width->AsInteger() > 1000)) {
    return absl::InvalidArgumentError("indent: width is not an integer from 0 to 1000");
  }
  const std::string space(width == nullptr ? 4 : static_cast<size_t>(*width->AsInteger()), ' ');
  std::string result;
  bool is_first = true;
  const std::string text = Text(value);
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const bool indents = is_first ? first != nullptr && first->IsTrue()
                                  : !line.empty() || (blank != nullptr && blank->IsTrue());
    absl::StrAppend(&result, is_first ? "" : "\n", indents ? space : "", line);
    is_first = false;
  }
  return Value(std::move(result));
}

// map("filter") and map(attribute="name", default=...).
Result Map(const Value& value, const Arguments& arguments) {
  JINJA_ASSIGN(const auto items, Iterate(value));
  const Value* attribute = arguments.Get(1, "attribute");
  if (attribute == nullptr &&
      (arguments.positional.empty() || arguments.positional[0].AsString() == nullptr)) {
    return absl::InvalidArgumentError("map: expected a filter's name or attribute=");
  }
  Arguments rest = arguments;
  if (attribute == nullptr) rest.positional.erase(rest.positional.begin());
  std::vector<Value> mapped;
  for (const Value& item : items) {
    Value result;
    if (attribute == nullptr) {
      JINJA_ASSIGN(result, ApplyFilter(*arguments.positional[0].AsString(), item, rest));
    } else {
      JINJA_ASSIGN(result, GetItem(item, *attribute));
      const Value* other = arguments.Get(2, "default");
      if (result.IsUndefined() && other != nullptr) result = *other;
    }
    mapped.push_back(std::move(result));
  }
  return Value::OfList(std::move(mapped));
}

// select(test, ...), selectattr(name, test, ...) and their opposites.
Result Select(const Value& value, const Arguments& arguments, bool by_attribute, bool keeps) {
  JINJA_ASSIGN(const auto items, Iterate(value));
  Arguments rest = arguments;
  Value attribute;
  if (by_attribute) {
    if (rest.positional.empty()) return absl::InvalidArgumentError("expected an attribute's name");
    attribute = rest.positional[0];
    rest.positional.erase(rest.positional.begin());
  }
  std::string test;
  if (!rest.positional.empty()) {
    test = Text(rest.positional[0]);
    rest.positional.erase(rest.positional.begin());
  }
  std::vector<Value> selected;
  for (const Value& item : items) {
    Value tested = item;
    if (by_attribute) {
      JINJA_ASSIGN(tested, GetItem(item, attribute));
    }
    bool passes = tested.IsTrue();
    if (!test.empty()) {
      JINJA_ASSIGN(passes, ApplyTest(test, tested, rest));
    }
    if (passes == keeps) selected.push_back(item);
  }
  return Value::OfList(std::move(selected));
}

struct Filter {
  Result (*apply)(const Value&, const Arguments&);
  size_t most_arguments;
  std::vector<absl::string_view> names;
};

const absl::flat_hash_map<std::string, Filter>& Filters() {
  using A = const Arguments&;
  using V = const Value&;
  static const auto* const filters = new absl::flat_hash_map<std::string, Filter>{
      {"length", {Length, 0, {}}},
      {"count", {Length, 0, {}}},
      {"trim", {Trim, 1, {"chars"}}},
      {"default", {Default, 2, {"default_value", "boolean"}}},
      {"d", {Default, 2, {"default_value", "boolean"}}},
      {"join", {Join, 2, {"d", "attribute"}}},
      {"first", {First, 0, {}}},
      {"last", {Last, 0, {}}},
      {"list", {ListOf, 0, {}}},
      {"reverse", {Reverse, 0, {}}},
      {"int", {ToInt, 1, {"default"}}},
      {"float", {ToFloat, 1, {"default"}}},
      {"tojson", {Json, 9, {"indent", "ensure_ascii", "sort_keys"}}},
      {"replace", {ReplaceAll, 2, {"old", "new"}}},
      {"items", {Items, 0, {}}},
      {"indent", {Indent, 3, {"width", "first", "blank"}}},
      {"map", {Map, 9, {"attribute", "default"}}},
      {"string", {[](V value, A) -> Result { return Value(Text(value)); }, 0, {}}},
      {"safe", {[](V value, A) -> Result { return value; }, 0, {}}},
      {"upper", {[](V value, A) -> Result { return ToUpper(Text(value)); }, 0, {}}},
      {"lower", {[](V value, A) -> Result { return ToLower(Text(value)); }, 0, {}}},
      {"capitalize", {[](V value, A) -> Result { return Capitalize(Text(value)); }, 0, {}}},
      {"title", {[](V value, A) -> Result { return Title(Text(value)); }, 0, {}}},
      {"select", {[](V value, A args) { return Select(value, args, false, true); }, 9, {}}},
      {"reject", {[](V value, A args) { return Select(value, args, false, false); }, 9, {}}},
      {"selectattr", {[](V value, A args) { return Select(value, args, true, true); }, 9, {}}},
      {"rejectattr", {[](V value, A args) { return Select(value, args, true, false); }, 9, {}}},
  };
  return *filters;
}

// Tests of a value alone.
absl::optional<bool> IsOfKind(absl::string_view name, const Value& value) {
  if (name == "defined") return !value.IsUndefined();
  if (name == "undefined") return value.IsUndefined();
  if (name == "none") return value.IsNone();
  if (name == "string") return value.AsString() != nullptr;
  if (name == "number") return value.IsNumber();
  if (name == "integer") return value.AsInteger() != nullptr;
  if (name == "float") return value.AsFloat() != nullptr;
  if (name == "boolean") return value.AsBool() != nullptr;
  if (name == "true") return value.AsBool() != nullptr && *value.AsBool();
  if (name == "false") return value.AsBool() != nullptr && !*value.AsBool();
  if (name == "mapping") return value.AsDict() != nullptr;
  if (name == "callable") return value.AsFunction() != nullptr;
  if (name == "iterable" || name == "sequence") {
    return value.AsString() || value.AsList() || value.AsDict() || value.IsUndefined();
  }
  return absl::nullopt;
}

}  // namespace

absl::StatusOr<std::vector<Value>> Iterate(const Value& value) {
  std::vector<Value> items;
  if (value.IsUndefined()) return items;
  if (const List* list = value.AsList()) return list->items;
  if (const Dict* dict = value.AsDict()) {
    for (const auto& [key, item] : dict->members) items.emplace_back(key);
    return items;
  }
  const std::string* text = value.AsString();
  if (text == nullptr) return WrongType("there is nothing to iterate over", value);
  for (absl::string_view point : CodePoints(*text)) items.emplace_back(std::string(point));
  return items;
}

absl::StatusOr<Value> ApplyFilter(absl::string_view name, const Value& value,
                                  const Arguments& arguments) {
  const auto filter = Filters().find(name);
  if (filter == Filters().end()) {
    return absl::UnimplementedError(absl::StrCat("filter '", name, "' is not supported"));
  }
  const Filter& found = filter->second;
  JINJA_RETURN_IF_ERROR(
      arguments.Check(absl::StrCat("filter '", name, "'"), found.most_arguments, found.names));
  return found.apply(value, arguments);
}

absl::StatusOr<bool> ApplyTest(absl::string_view name, const Value& value,
                               const Arguments& arguments) {
  if (const auto answer = IsOfKind(name, value)) return *answer;
  if (value.AsInteger() != nullptr && name == "odd") return value.ToInteger() % 2 != 0;
  if (value.AsInteger() != nullptr && name == "even") return value.ToInteger() % 2 == 0;
  const Value* other = arguments.Get(0, "other");
  if (other != nullptr) {
    if (name == "equalto" || name == "eq" || name == "==") return Equal(value, *other);
    if (name == "ne" || name == "!=") return !Equal(value, *other);
    if (name == "in") return Contains(*other, value);
    if (name == "divisibleby" && value.AsInteger() && other->AsInteger() && other->ToInteger()) {
      return value.ToInteger() % other->ToInteger() == 0;
    }
  }
  return absl::UnimplementedError(
      absl::StrCat("test '", name, "' of a value of type ", value.TypeName(), " is not supported"));
}

absl::StatusOr<bool> Contains(const Value& container, const Value& item) {
  if (const std::string* text = container.AsString()) {
    if (item.AsString() == nullptr) return WrongType("'in' a string", item);
    return absl::StrContains(*text, *item.AsString());
  }
  if (const Dict* dict = container.AsDict()) {
    return item.AsString() != nullptr && dict->Find(*item.AsString()) != nullptr;
  }
  JINJA_ASSIGN(const auto items, Iterate(container));
  return std::any_of(items.begin(), items.end(),
                     [&](const Value& one) { return Equal(one, item); });
}

absl::StatusOr<Value> GetAttribute(const Value& object, absl::string_view name) {
  if (const Undefined* undefined = object.AsUndefined()) {
    return absl::InvalidArgumentError(
        absl::StrCat(undefined->what, " is undefined and has no attribute '", name, "'"));
  }
  if (const Dict* dict = object.AsDict()) {
    if (const Value* member = dict->Find(name)) return *member;
  }
  return Value(Undefined{absl::StrCat("attribute '", name, "'")});
}

absl::StatusOr<Value> GetItem(const Value& object, const Value& key) {
  if (key.AsString() != nullptr) return GetAttribute(object, *key.AsString());
  if (object.IsUndefined()) return GetAttribute(object, key.ToRepr());
  if (key.AsInteger() == nullptr) return Value(Undefined{absl::StrCat("item ", key.ToRepr())});
  const auto at = [&](size_t size) {
    const int64_t index = key.ToInteger();
    return index < 0 ? index + static_cast<int64_t>(size) : index;
  };
  if (const List* list = object.AsList()) {
    const int64_t index = at(list->items.size());
    if (index >= 0 && index < static_cast<int64_t>(list->items.size())) return list->items[index];
  }
  if (const std::string* text = object.AsString()) {
    const auto points = CodePoints(*text);
    const int64_t index = at(points.size());
    if (index >= 0 && index < static_cast<int64_t>(points.size())) {
      return Value(std::string(points[index]));
    }
  }
  return Value(Undefined{absl::StrCat("item ", key.ToInteger())});
}

absl::StatusOr<Value> CallMethod(const Value& object, absl::string_view name,
                                 const Arguments& arguments) {
  if (object.AsString()) return CallStringMethod(*object.AsString(), name, arguments);
  const std::string function = absl::StrCat(object.TypeName(), ".", name);
  if (const Dict* dict = object.AsDict()) {
    if (name == "items") return Items(object, arguments);
    if (name == "keys") return ListOf(object, arguments);
    if (name == "values") {
      std::vector<Value> values;
      for (const auto& [key, value] : dict->members) values.push_back(value);
      return Value::OfList(std::move(values));
    }
    if (name == "get") {
      JINJA_RETURN_IF_ERROR(arguments.Check(function, 2));
      const Value* key = arguments.Get(0, "");
      const Value* found = key && key->AsString() ? dict->Find(*key->AsString()) : nullptr;
      if (found != nullptr) return *found;
      const Value* other = arguments.Get(1, "");
      return other == nullptr ? Value(None{}) : *other;
    }
  }
  return absl::UnimplementedError(absl::StrCat("method ", function, " is not supported"));
}

}  // namespace forensics::runner::jinja
