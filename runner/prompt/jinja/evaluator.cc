#include "runner/prompt/jinja/evaluator.h"

#include <algorithm>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runner/prompt/jinja/filters.h"
#include "runner/prompt/jinja/lexer.h"
#include "runner/prompt/jinja/operators.h"
#include "runner/prompt/jinja/status_macros.h"
#include "runner/prompt/jinja/strings.h"

namespace forensics::runner::jinja {
namespace {

using Kind = Expression::Kind;

// Far beyond what a chat template needs; they end one that is malicious or wrong.
constexpr int64_t kMaxSteps = 1'000'000;
constexpr size_t kMaxOutput = size_t{64} << 20;
constexpr int kMaxMacroDepth = 50;
constexpr int64_t kMaxRange = 100'000;

absl::StatusOr<Value> Namespace(const Arguments& arguments) {
  JINJA_RETURN_IF_ERROR([&] {
    return arguments.positional.empty()
               ? absl::OkStatus()
               : absl::UnimplementedError("namespace: unnamed arguments are not supported");
  }());
  Value result = Value::OfDict(arguments.named);
  result.MutableDict()->is_namespace = true;
  return result;
}

absl::StatusOr<Value> Range(const Arguments& arguments) {
  const size_t count = arguments.positional.size();
  JINJA_RETURN_IF_ERROR(arguments.Check("range", 3));
  for (const Value& bound : arguments.positional) {
    if (bound.AsInteger() == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("range: a bound of type ", bound.TypeName()));
    }
  }
  if (count == 0) return absl::InvalidArgumentError("range: expected a bound");
  const int64_t start = count > 1 ? *arguments.positional[0].AsInteger() : 0;
  const int64_t stop = *arguments.positional[count > 1 ? 1 : 0].AsInteger();
  const int64_t step = count > 2 ? *arguments.positional[2].AsInteger() : 1;
  if (step == 0) return absl::InvalidArgumentError("range: the step is 0");
  std::vector<Value> items;
  for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (static_cast<int64_t>(items.size()) >= kMaxRange) {
      return absl::ResourceExhaustedError(absl::StrCat("range: more than ", kMaxRange, " items"));
    }
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return Value::OfList(std::move(items));
}

absl::StatusOr<Value> RaiseException(const Arguments& arguments) {
  return absl::FailedPreconditionError(absl::StrCat(
      "the template says: ", arguments.positional.empty() ? "" : arguments.positional[0].ToText()));
}

Value GlobalFunction(std::string name, absl::StatusOr<Value> (*call)(const Arguments&)) {
  return std::make_shared<Function>(Function{std::move(name), call});
}

// The variable `loop` of one iteration.
Value LoopVariable(const std::vector<Value>& items, size_t index) {
  const int64_t i = static_cast<int64_t>(index);
  const int64_t size = static_cast<int64_t>(items.size());
  return Value::OfDict(
      {{"index", i + 1},
       {"index0", i},
       {"revindex", size - i},
       {"revindex0", size - i - 1},
       {"first", i == 0},
       {"last", i + 1 == size},
       {"length", size},
       {"previtem", i > 0 ? items[index - 1] : Value(Undefined{"loop.previtem"})},
       {"nextitem", i + 1 < size ? items[index + 1] : Value(Undefined{"loop.nextitem"})}});
}

// Whether `value` may become a member of `dict`: a dict within itself would never be released, and
// very deep nesting would overflow the stack.
bool MayHold(const Dict* dict, const Value& value, int depth = 0) {
  constexpr int kMaxNesting = 100;
  if (depth > kMaxNesting || value.AsDict() == dict) return false;
  if (const List* list = value.AsList()) {
    return std::all_of(list->items.begin(), list->items.end(),
                       [&](const Value& item) { return MayHold(dict, item, depth + 1); });
  }
  if (value.AsDict() == nullptr) return true;
  const auto& members = value.AsDict()->members;
  return std::all_of(members.begin(), members.end(),
                     [&](const auto& member) { return MayHold(dict, member.second, depth + 1); });
}

absl::Status WithLine(const absl::Status& status, int line) {
  if (status.ok() || absl::StartsWith(status.message(), "line ")) return status;
  return absl::Status(status.code(), ErrorAtLine(line, status.message()).message());
}

}  // namespace

Evaluator::Evaluator(std::vector<std::pair<std::string, Value>> variables) {
  Scope globals;
  globals.names = {{"namespace", GlobalFunction("namespace", Namespace)},
                   {"range", GlobalFunction("range", Range)},
                   {"raise_exception", GlobalFunction("raise_exception", RaiseException)}};
  scopes_.push_back(std::move(globals));
  for (auto& [name, value] : variables) Define(name, std::move(value));
}

absl::StatusOr<std::string> Evaluator::Run(const Block& block) {
  std::string out;
  JINJA_RETURN_IF_ERROR(RunBlock(block, &out).status());
  return out;
}

Value Evaluator::Lookup(absl::string_view name) const {
  for (size_t i = scopes_.size(); i-- > 0;) {
    for (const auto& [known, value] : scopes_[i].names) {
      if (known == name) return value;
    }
    if (scopes_[i].hides_outer) i = 1;  // the global scope is next
  }
  return Undefined{absl::StrCat("'", name, "'")};
}

void Evaluator::Define(absl::string_view name, Value value) {
  for (auto& [known, old] : scopes_.back().names) {
    if (known == name) {
      old = std::move(value);
      return;
    }
  }
  scopes_.back().names.emplace_back(std::string(name), std::move(value));
}

absl::Status Evaluator::CountStep(int line, const std::string& out) {
  if (++steps_ > kMaxSteps) {
    return WithLine(absl::ResourceExhaustedError("the template does not come to an end"), line);
  }
  if (out.size() > kMaxOutput) {
    return WithLine(absl::ResourceExhaustedError("the text is too long"), line);
  }
  return absl::OkStatus();
}

absl::StatusOr<Evaluator::Flow> Evaluator::RunBlock(const Block& block, std::string* out) {
  for (const Statement& statement : block) {
    JINJA_RETURN_IF_ERROR(CountStep(statement.line, *out));
    JINJA_ASSIGN(const Flow flow, RunStatement(statement, out));
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

absl::StatusOr<Evaluator::Flow> Evaluator::RunStatement(const Statement& statement,
                                                        std::string* out) {
  switch (statement.kind) {
    case Statement::Kind::kText:
      *out += statement.name;
      return Flow::kNext;
    case Statement::Kind::kOutput: {
      JINJA_ASSIGN(const Value value, Evaluate(*statement.expression));
      *out += value.ToText();
      return Flow::kNext;
    }
    case Statement::Kind::kIf: {
      JINJA_ASSIGN(const Value condition, Evaluate(*statement.expression));
      return RunBlock(condition.IsTrue() ? statement.body : statement.otherwise, out);
    }
    case Statement::Kind::kFor:
      return RunFor(statement, out);
    case Statement::Kind::kSet:
      JINJA_RETURN_IF_ERROR(WithLine(RunSet(statement), statement.line));
      return Flow::kNext;
    case Statement::Kind::kSetBlock: {
      std::string text;
      JINJA_ASSIGN(const Flow flow, RunBlock(statement.body, &text));
      if (flow == Flow::kNext) Define(statement.targets[0], std::move(text));
      return flow;
    }
    case Statement::Kind::kMacro:
      DefineMacro(statement);
      return Flow::kNext;
    case Statement::Kind::kGroup:
      return RunBlock(statement.body, out);
    case Statement::Kind::kBreak:
      return Flow::kBreak;
    case Statement::Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

absl::StatusOr<Evaluator::Flow> Evaluator::RunFor(const Statement& statement, std::string* out) {
  JINJA_ASSIGN(const Value sequence, Evaluate(*statement.expression));
  auto iterated = Iterate(sequence);
  if (!iterated.ok()) return WithLine(iterated.status(), statement.line);
  std::vector<Value> items = *std::move(iterated);
  if (statement.filter != nullptr) {
    std::vector<Value> kept;
    for (const Value& item : items) {
      scopes_.emplace_back();
      JINJA_RETURN_IF_ERROR(WithLine(Assign(statement.targets, item), statement.line));
      JINJA_ASSIGN(const Value passes, Evaluate(*statement.filter));
      scopes_.pop_back();
      if (passes.IsTrue()) kept.push_back(item);
    }
    items = std::move(kept);
  }
  if (items.empty()) return RunBlock(statement.otherwise, out);
  for (size_t i = 0; i < items.size(); ++i) {
    JINJA_RETURN_IF_ERROR(CountStep(statement.line, *out));
    scopes_.emplace_back();
    Define("loop", LoopVariable(items, i));
    JINJA_RETURN_IF_ERROR(WithLine(Assign(statement.targets, items[i]), statement.line));
    JINJA_ASSIGN(const Flow flow, RunBlock(statement.body, out));
    scopes_.pop_back();
    if (flow == Flow::kBreak) break;
  }
  return Flow::kNext;
}

absl::Status Evaluator::Assign(const std::vector<std::string>& targets, const Value& value) {
  if (targets.size() == 1) {
    Define(targets[0], value);
    return absl::OkStatus();
  }
  JINJA_ASSIGN(const auto items, Iterate(value));
  if (items.size() != targets.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(items.size(), " values for ", targets.size(), " names"));
  }
  for (size_t i = 0; i < items.size(); ++i) Define(targets[i], items[i]);
  return absl::OkStatus();
}

absl::Status Evaluator::RunSet(const Statement& statement) {
  JINJA_ASSIGN(Value value, Evaluate(*statement.expression));
  if (statement.attribute.empty()) return Assign(statement.targets, value);
  Value object = Lookup(statement.targets[0]);
  Dict* dict = object.MutableDict();
  if (dict == nullptr || !dict->is_namespace) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", statement.targets[0], "' is not a namespace"));
  }
  if (!MayHold(dict, value)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", statement.targets[0], "' would hold itself or values that are nested too deeply"));
  }
  dict->Set(statement.attribute, std::move(value));
  return absl::OkStatus();
}

void Evaluator::DefineMacro(const Statement& macro) {
  Function function;
  function.name = macro.name;
  function.call = [this, &macro](const Arguments& arguments) {
    return CallMacro(macro, arguments);
  };
  Define(macro.name, std::make_shared<Function>(std::move(function)));
}

absl::StatusOr<Value> Evaluator::CallMacro(const Statement& macro, const Arguments& arguments) {
  if (depth_ >= kMaxMacroDepth) {
    return absl::ResourceExhaustedError(
        absl::StrCat("macro '", macro.name, "' recurses too deeply"));
  }
  const std::vector<absl::string_view> names(macro.targets.begin(), macro.targets.end());
  JINJA_RETURN_IF_ERROR(
      arguments.Check(absl::StrCat("macro '", macro.name, "'"), names.size(), names));
  Scope scope;
  scope.hides_outer = true;
  scopes_.push_back(std::move(scope));
  ++depth_;
  for (size_t i = 0; i < names.size(); ++i) {
    Value value = Undefined{absl::StrCat("'", names[i], "'")};
    if (const Value* given = arguments.Get(i, names[i])) {
      value = *given;
    } else if (macro.defaults[i] != nullptr) {
      JINJA_ASSIGN(value, Evaluate(*macro.defaults[i]));
    }
    Define(names[i], std::move(value));
  }
  std::string text;
  JINJA_RETURN_IF_ERROR(RunBlock(macro.body, &text).status());
  --depth_;
  scopes_.pop_back();
  return Value(std::move(text));
}

absl::StatusOr<Value> Evaluator::Evaluate(const Expression& expression) {
  auto value = Compute(expression);
  if (!value.ok()) return WithLine(value.status(), expression.line);
  return value;
}

absl::StatusOr<Value> Evaluator::Compute(const Expression& expression) {
  const auto child = [&](size_t i) { return Evaluate(*expression.children[i]); };
  switch (expression.kind) {
    case Kind::kLiteral:
      return expression.literal;
    case Kind::kName:
      return Lookup(expression.name);
    case Kind::kList: {
      std::vector<Value> items;
      for (const ExpressionPtr& item : expression.children) {
        JINJA_ASSIGN(Value value, Evaluate(*item));
        items.push_back(std::move(value));
      }
      return Value::OfList(std::move(items));
    }
    case Kind::kDict:
      return EvaluateDict(expression);
    case Kind::kAttribute: {
      JINJA_ASSIGN(const Value object, child(0));
      return GetAttribute(object, expression.name);
    }
    case Kind::kSubscript: {
      JINJA_ASSIGN(const Value object, child(0));
      JINJA_ASSIGN(const Value key, child(1));
      return GetItem(object, key);
    }
    case Kind::kSlice:
      return EvaluateSlice(expression);
    case Kind::kCall:
      return EvaluateCall(expression);
    case Kind::kFilter: {
      JINJA_ASSIGN(const Value value, child(0));
      JINJA_ASSIGN(const Arguments arguments, EvaluateArguments(expression));
      return ApplyFilter(expression.name, value, arguments);
    }
    case Kind::kTest: {
      JINJA_ASSIGN(const Value value, child(0));
      JINJA_ASSIGN(const Arguments arguments, EvaluateArguments(expression));
      JINJA_ASSIGN(const bool passes, ApplyTest(expression.name, value, arguments));
      return Value(passes);
    }
    case Kind::kNegate: {
      JINJA_ASSIGN(const Value value, child(0));
      return Negate(value);
    }
    case Kind::kPlus: {
      JINJA_ASSIGN(const Value value, child(0));
      return BinaryOperator("+", int64_t{0}, value);
    }
    case Kind::kNot: {
      JINJA_ASSIGN(const Value value, child(0));
      return Value(!value.IsTrue());
    }
    case Kind::kAnd:
    case Kind::kOr: {
      JINJA_ASSIGN(Value left, child(0));
      if (left.IsTrue() == (expression.kind == Kind::kOr)) return left;
      return child(1);
    }
    case Kind::kBinary:
      return EvaluateBinary(expression);
    case Kind::kCompare:
      return EvaluateCompare(expression);
    case Kind::kCondition: {
      JINJA_ASSIGN(const Value condition, child(1));
      if (condition.IsTrue()) return child(0);
      if (expression.children[2] == nullptr) return Value(Undefined{"an if without else"});
      return child(2);
    }
  }
  return absl::InternalError("an expression of no kind");
}

absl::StatusOr<Value> Evaluator::EvaluateBinary(const Expression& binary) {
  JINJA_ASSIGN(const Value left, Evaluate(*binary.children[0]));
  JINJA_ASSIGN(const Value right, Evaluate(*binary.children[1]));
  const auto too_long = [](const Value& value) {
    return value.AsString() != nullptr && value.AsString()->size() > kMaxOutput / 2;
  };
  if (too_long(left) || too_long(right))
    return absl::ResourceExhaustedError("a string is too long");
  return BinaryOperator(binary.name, left, right);
}

absl::StatusOr<Value> Evaluator::EvaluateDict(const Expression& dict) {
  Value result = Value::OfDict({});
  for (size_t i = 0; i < dict.children.size(); i += 2) {
    JINJA_ASSIGN(const Value key, Evaluate(*dict.children[i]));
    JINJA_ASSIGN(Value value, Evaluate(*dict.children[i + 1]));
    if (key.AsString() == nullptr) {
      return absl::UnimplementedError(
          absl::StrCat("a dict's key of type ", key.TypeName(), " is not supported"));
    }
    result.MutableDict()->Set(*key.AsString(), std::move(value));
  }
  return result;
}

absl::StatusOr<Value> Evaluator::EvaluateSlice(const Expression& slice) {
  JINJA_ASSIGN(const Value object, Evaluate(*slice.children[0]));
  Value bounds[3];
  for (int i = 0; i < 3; ++i) {
    if (slice.children[i + 1] == nullptr) continue;
    JINJA_ASSIGN(bounds[i], Evaluate(*slice.children[i + 1]));
  }
  if (object.AsString() == nullptr && object.AsList() == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("a value of type ", object.TypeName(), " cannot be sliced"));
  }
  JINJA_ASSIGN(const auto items, Iterate(object));
  JINJA_ASSIGN(const auto indices,
               SliceIndices(static_cast<int64_t>(items.size()), bounds[0], bounds[1], bounds[2]));
  std::vector<Value> selected;
  std::string text;
  for (int64_t i : indices) {
    if (object.AsString()) {
      text += *items[i].AsString();
    } else {
      selected.push_back(items[i]);
    }
  }
  return object.AsString() ? Value(std::move(text)) : Value::OfList(std::move(selected));
}

absl::StatusOr<Value> Evaluator::EvaluateCompare(const Expression& compare) {
  JINJA_ASSIGN(Value left, Evaluate(*compare.children[0]));
  for (size_t i = 0; i < compare.operators.size(); ++i) {
    const std::string& name = compare.operators[i];
    JINJA_ASSIGN(Value right, Evaluate(*compare.children[i + 1]));
    bool holds = false;
    if (name == "==" || name == "!=") {
      holds = Equal(left, right) == (name == "==");
    } else if (name == "in" || name == "not in") {
      JINJA_ASSIGN(const bool contains, Contains(right, left));
      holds = contains == (name == "in");
    } else {
      JINJA_ASSIGN(const int order, Compare(left, right));
      holds = name == "<"    ? order < 0
              : name == "<=" ? order <= 0
              : name == ">"  ? order > 0
                             : order >= 0;
    }
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

absl::StatusOr<Arguments> Evaluator::EvaluateArguments(const Expression& call) {
  Arguments arguments;
  for (size_t i = 1; i < call.children.size(); ++i) {
    JINJA_ASSIGN(Value value, Evaluate(*call.children[i]));
    arguments.positional.push_back(std::move(value));
  }
  for (const auto& [name, expression] : call.named) {
    JINJA_ASSIGN(Value value, Evaluate(*expression));
    arguments.named.emplace_back(name, std::move(value));
  }
  return arguments;
}

absl::StatusOr<Value> Evaluator::EvaluateCall(const Expression& call) {
  const Expression& callee = *call.children[0];
  JINJA_ASSIGN(const Arguments arguments, EvaluateArguments(call));
  if (callee.kind == Kind::kAttribute) {
    JINJA_ASSIGN(const Value object, Evaluate(*callee.children[0]));
    if (object.IsUndefined()) return GetAttribute(object, callee.name);
    return CallMethod(object, callee.name, arguments);
  }
  JINJA_ASSIGN(const Value function, Evaluate(callee));
  if (function.AsFunction() == nullptr) {
    return absl::InvalidArgumentError(
        function.AsUndefined() ? absl::StrCat(function.AsUndefined()->what, " is undefined")
                               : absl::StrCat("a ", function.TypeName(), " cannot be called"));
  }
  return function.AsFunction()->call(arguments);
}

}  // namespace forensics::runner::jinja
