// Values of template expressions, which behave as Python's do.
#ifndef RUNNER_PROMPT_JINJA_VALUE_H_
#define RUNNER_PROMPT_JINJA_VALUE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::runner::jinja {

class Value;
struct Arguments;

// What a name or an attribute that does not exist gives; printed, it is empty.
struct Undefined {
  std::string what;  // "'tools'"
};
struct None {};
struct List {
  std::vector<Value> items;
};
// In the order of insertion. A namespace() is one whose members templates may set.
struct Dict {
  std::vector<std::pair<std::string, Value>> members;
  bool is_namespace = false;

  const Value* Find(absl::string_view key) const;
  void Set(absl::string_view key, Value value);
};
// A macro or a global function.
struct Function {
  std::string name;
  std::function<absl::StatusOr<Value>(const Arguments&)> call;
};

// Lists and dicts are shared, as Python's are.
class Value {
 public:
  Value() : data_(Undefined{}) {}
  Value(Undefined undefined) : data_(std::move(undefined)) {}
  Value(None none) : data_(none) {}
  Value(bool value) : data_(value) {}
  Value(int64_t value) : data_(value) {}
  Value(double value) : data_(value) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(const char* value) : data_(std::string(value)) {}
  Value(std::shared_ptr<List> value) : data_(std::move(value)) {}
  Value(std::shared_ptr<Dict> value) : data_(std::move(value)) {}
  Value(std::shared_ptr<Function> value) : data_(std::move(value)) {}
  static Value OfList(std::vector<Value> items);
  static Value OfDict(std::vector<std::pair<std::string, Value>> members);

  bool IsUndefined() const { return std::holds_alternative<Undefined>(data_); }
  bool IsNone() const { return std::holds_alternative<None>(data_); }
  // nullptr if the value is of another type. A bool is no integer here.
  const bool* AsBool() const { return std::get_if<bool>(&data_); }
  const int64_t* AsInteger() const { return std::get_if<int64_t>(&data_); }
  const double* AsFloat() const { return std::get_if<double>(&data_); }
  const std::string* AsString() const { return std::get_if<std::string>(&data_); }
  const List* AsList() const { return Pointee<List>(); }
  const Dict* AsDict() const { return Pointee<Dict>(); }
  Dict* MutableDict() const { return const_cast<Dict*>(Pointee<Dict>()); }
  const Function* AsFunction() const { return Pointee<Function>(); }
  bool IsNumber() const { return AsBool() || AsInteger() || AsFloat(); }
  // Of a number; a bool is 0 or 1.
  double ToDouble() const;
  // Of a bool or an integer.
  int64_t ToInteger() const;

  // Python's name of the type: "str", "int", "NoneType", ...
  absl::string_view TypeName() const;
  bool IsTrue() const;
  // As print shows it; a string is itself.
  std::string ToText() const;
  // As repr shows it; a string is quoted.
  std::string ToRepr() const;

 private:
  template <typename T>
  const T* Pointee() const {
    const auto* pointer = std::get_if<std::shared_ptr<T>>(&data_);
    return pointer == nullptr ? nullptr : pointer->get();
  }

  std::variant<Undefined, None, bool, int64_t, double, std::string, std::shared_ptr<List>,
               std::shared_ptr<Dict>, std::shared_ptr<Function>>
      data_;

 public:
  const Undefined* AsUndefined() const { return std::get_if<Undefined>(&data_); }
};

// Of a call: f(1, name=2).
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  // The argument at `index` or called `name`; nullptr if it was not given.
  const Value* Get(size_t index, absl::string_view name) const;
  // An error if there are more than `most` positional arguments or any name not in `names`.
  absl::Status Check(absl::string_view function, size_t most,
                     const std::vector<absl::string_view>& names = {}) const;
};

// Python's ==; values of different types are unequal, except numbers.
bool Equal(const Value& a, const Value& b);

// The order of two numbers or two strings: negative, 0 or positive.
absl::StatusOr<int> Compare(const Value& a, const Value& b);

// json.dumps(value, ensure_ascii=False), with Python's separators, or indented.
absl::StatusOr<std::string> ToJson(const Value& value, int indent = -1);

}  // namespace forensics::runner::jinja

#endif  // RUNNER_PROMPT_JINJA_VALUE_H_
