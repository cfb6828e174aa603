#include "runner/prompt/jinja/expression_parser.h"

#include <cstdint>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runner/prompt/jinja/status_macros.h"

namespace forensics::runner::jinja {
namespace {

using Kind = Expression::Kind;

// Of brackets and unary operators; each level takes about a dozen C++ calls.
constexpr int kMaxDepth = 100;

ExpressionPtr Node(Kind kind, int line, std::string name = "") {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = line;
  node->name = std::move(name);
  return node;
}

template <typename... Children>
ExpressionPtr NodeOf(Kind kind, int line, std::string name, Children... children) {
  auto node = Node(kind, line, std::move(name));
  (node->children.push_back(std::move(children)), ...);
  return node;
}

}  // namespace

bool TokenCursor::IsOperator(absl::string_view text) const {
  return Now().kind == TokenKind::kOperator && Now().text == text;
}

bool TokenCursor::IsName(absl::string_view text) const {
  return Now().kind == TokenKind::kName && Now().text == text;
}

bool TokenCursor::TakeOperator(absl::string_view text) {
  if (!IsOperator(text)) return false;
  Advance();
  return true;
}

bool TokenCursor::TakeName(absl::string_view text) {
  if (!IsName(text)) return false;
  Advance();
  return true;
}

absl::Status TokenCursor::Unexpected(absl::string_view what) const {
  const Token& token = Now();
  std::string found;
  switch (token.kind) {
    case TokenKind::kText:
      found = "text";
      break;
    case TokenKind::kOutputBegin:
      found = "'{{'";
      break;
    case TokenKind::kOutputEnd:
      found = "'}}'";
      break;
    case TokenKind::kBlockBegin:
      found = "'{%'";
      break;
    case TokenKind::kBlockEnd:
      found = "'%}'";
      break;
    case TokenKind::kEnd:
      found = "the end of the template";
      break;
    default:
      found = absl::StrCat("'", token.text, "'");
  }
  return ErrorAtLine(token.line, absl::StrCat("expected ", what, ", found ", found));
}

absl::Status TokenCursor::ExpectOperator(absl::string_view text) {
  if (TakeOperator(text)) return absl::OkStatus();
  return Unexpected(absl::StrCat("'", text, "'"));
}

absl::StatusOr<std::string> TokenCursor::ExpectName() {
  if (Now().kind != TokenKind::kName) return Unexpected("a name");
  std::string name = Now().text;
  Advance();
  return name;
}

absl::Status TokenCursor::Expect(TokenKind kind, absl::string_view what) {
  if (Now().kind != kind) return Unexpected(what);
  Advance();
  return absl::OkStatus();
}

absl::StatusOr<ExpressionPtr> ExpressionParser::Parse(bool conditional) {
  if (depth_ >= kMaxDepth) return ErrorAtLine(cursor_.line(), "an expression is nested too deeply");
  ++depth_;
  const auto leave = absl::MakeCleanup([this] { --depth_; });
  return conditional ? ParseCondition() : ParseOr();
}

ExpressionParser::Result ExpressionParser::ParseCondition() {
  JINJA_ASSIGN(ExpressionPtr value, ParseOr());
  while (cursor_.IsName("if")) {
    const int line = cursor_.line();
    cursor_.Advance();
    JINJA_ASSIGN(ExpressionPtr condition, ParseOr());
    ExpressionPtr other;
    if (cursor_.TakeName("else")) {
      JINJA_ASSIGN(other, Parse());
    }
    value = NodeOf(Kind::kCondition, line, "", std::move(value), std::move(condition),
                   std::move(other));
  }
  return value;
}

ExpressionParser::Result ExpressionParser::ParseOr() {
  JINJA_ASSIGN(ExpressionPtr left, ParseAnd());
  while (cursor_.IsName("or")) {
    const int line = cursor_.line();
    cursor_.Advance();
    JINJA_ASSIGN(ExpressionPtr right, ParseAnd());
    left = NodeOf(Kind::kOr, line, "", std::move(left), std::move(right));
  }
  return left;
}

ExpressionParser::Result ExpressionParser::ParseAnd() {
  JINJA_ASSIGN(ExpressionPtr left, ParseNot());
  while (cursor_.IsName("and")) {
    const int line = cursor_.line();
    cursor_.Advance();
    JINJA_ASSIGN(ExpressionPtr right, ParseNot());
    left = NodeOf(Kind::kAnd, line, "", std::move(left), std::move(right));
  }
  return left;
}

ExpressionParser::Result ExpressionParser::ParseNot() {
  const int line = cursor_.line();
  int count = 0;
  while (cursor_.TakeName("not")) ++count;
  JINJA_ASSIGN(ExpressionPtr value, ParseCompare());
  if (count > 0) value = NodeOf(Kind::kNot, line, "", std::move(value));
  if (count > 1 && count % 2 == 0) value = NodeOf(Kind::kNot, line, "", std::move(value));
  return value;
}

ExpressionParser::Result ExpressionParser::ParseCompare() {
  JINJA_ASSIGN(ExpressionPtr first, ParseSum());
  ExpressionPtr compare;
  while (true) {
    const int line = cursor_.line();
    std::string name;
    for (absl::string_view comparison : {"==", "!=", "<", "<=", ">", ">="}) {
      if (cursor_.IsOperator(comparison)) name = std::string(comparison);
    }
    if (cursor_.IsName("in")) name = "in";
    const bool not_in = cursor_.IsName("not") && cursor_.Next().kind == TokenKind::kName &&
                        cursor_.Next().text == "in";
    if (not_in) {
      cursor_.Advance();
      name = "not in";
    }
    if (name.empty()) return compare == nullptr ? std::move(first) : std::move(compare);
    cursor_.Advance();
    JINJA_ASSIGN(ExpressionPtr right, ParseSum());
    if (compare == nullptr) compare = NodeOf(Kind::kCompare, line, "", std::move(first));
    compare->operators.push_back(std::move(name));
    compare->children.push_back(std::move(right));
  }
}

ExpressionParser::Result ExpressionParser::ParseBinary(
    std::initializer_list<absl::string_view> operators, Rule operand) {
  JINJA_ASSIGN(ExpressionPtr left, (this->*operand)());
  while (true) {
    const int line = cursor_.line();
    std::string name;
    for (absl::string_view candidate : operators) {
      if (cursor_.IsOperator(candidate)) name = std::string(candidate);
    }
    if (name.empty()) return left;
    cursor_.Advance();
    JINJA_ASSIGN(ExpressionPtr right, (this->*operand)());
    left = NodeOf(Kind::kBinary, line, name, std::move(left), std::move(right));
  }
}

ExpressionParser::Result ExpressionParser::ParseSum() {
  return ParseBinary({"+", "-"}, &ExpressionParser::ParseConcatenation);
}

ExpressionParser::Result ExpressionParser::ParseConcatenation() {
  return ParseBinary({"~"}, &ExpressionParser::ParseProduct);
}

ExpressionParser::Result ExpressionParser::ParseProduct() {
  return ParseBinary({"*", "/", "//", "%"}, &ExpressionParser::ParsePower);
}

ExpressionParser::Result ExpressionParser::ParsePower() {
  return ParseBinary({"**"}, &ExpressionParser::ParseUnaryWithFilters);
}

ExpressionParser::Result ExpressionParser::ParseUnaryWithFilters() {
  JINJA_ASSIGN(ExpressionPtr value, ParseUnary());
  return ParseFilters(std::move(value));
}

ExpressionParser::Result ExpressionParser::ParseUnary() {
  const int line = cursor_.line();
  if (cursor_.IsOperator("-") || cursor_.IsOperator("+")) {
    const Kind kind = cursor_.IsOperator("-") ? Kind::kNegate : Kind::kPlus;
    cursor_.Advance();
    if (++depth_ > kMaxDepth) return ErrorAtLine(line, "an expression is nested too deeply");
    JINJA_ASSIGN(ExpressionPtr value, ParseUnary());
    --depth_;
    return NodeOf(kind, line, "", std::move(value));
  }
  JINJA_ASSIGN(ExpressionPtr value, ParsePrimary());
  return ParsePostfix(std::move(value));
}

ExpressionParser::Result ExpressionParser::ParsePrimary() {
  const Token token = cursor_.Now();
  ExpressionPtr literal = Node(Kind::kLiteral, token.line);
  switch (token.kind) {
    case TokenKind::kName: {
      cursor_.Advance();
      if (token.text == "true" || token.text == "True") {
        literal->literal = true;
      } else if (token.text == "false" || token.text == "False") {
        literal->literal = false;
      } else if (token.text == "none" || token.text == "None") {
        literal->literal = None{};
      } else {
        return Node(Kind::kName, token.line, token.text);
      }
      return literal;
    }
    case TokenKind::kString: {
      std::string text;
      // Adjacent strings are one.
      for (; cursor_.Now().kind == TokenKind::kString; cursor_.Advance())
        text += cursor_.Now().text;
      literal->literal = std::move(text);
      return literal;
    }
    case TokenKind::kInteger: {
      int64_t value = 0;
      if (!absl::SimpleAtoi(token.text, &value)) {
        return ErrorAtLine(token.line, absl::StrCat("integer ", token.text, " is too large"));
      }
      cursor_.Advance();
      literal->literal = value;
      return literal;
    }
    case TokenKind::kFloat: {
      double value = 0;
      if (!absl::SimpleAtod(token.text, &value)) return cursor_.Unexpected("a number");
      cursor_.Advance();
      literal->literal = value;
      return literal;
    }
    default:
      break;
  }
  if (cursor_.TakeOperator("(")) {
    JINJA_ASSIGN(ExpressionPtr value, Parse());
    if (cursor_.IsOperator(",")) return ErrorAtLine(cursor_.line(), "tuples are not supported");
    JINJA_RETURN_IF_ERROR(cursor_.ExpectOperator(")"));
    return value;
  }
  if (cursor_.IsOperator("[")) return ParseList();
  if (cursor_.IsOperator("{")) return ParseDict();
  return cursor_.Unexpected("an expression");
}

ExpressionParser::Result ExpressionParser::ParseList() {
  ExpressionPtr list = Node(Kind::kList, cursor_.line());
  cursor_.Advance();
  while (!cursor_.IsOperator("]")) {
    JINJA_ASSIGN(ExpressionPtr item, Parse());
    list->children.push_back(std::move(item));
    if (!cursor_.TakeOperator(",")) break;
  }
  JINJA_RETURN_IF_ERROR(cursor_.ExpectOperator("]"));
  return list;
}

ExpressionParser::Result ExpressionParser::ParseDict() {
  ExpressionPtr dict = Node(Kind::kDict, cursor_.line());
  cursor_.Advance();
  while (!cursor_.IsOperator("}")) {
    JINJA_ASSIGN(ExpressionPtr key, Parse());
    JINJA_RETURN_IF_ERROR(cursor_.ExpectOperator(":"));
    JINJA_ASSIGN(ExpressionPtr value, Parse());
    dict->children.push_back(std::move(key));
    dict->children.push_back(std::move(value));
    if (!cursor_.TakeOperator(",")) break;
  }
  JINJA_RETURN_IF_ERROR(cursor_.ExpectOperator("}"));
  return dict;
}

ExpressionParser::Result ExpressionParser::ParsePostfix(ExpressionPtr value) {
  while (true) {
    const int line = cursor_.line();
    if (cursor_.TakeOperator(".")) {
      JINJA_ASSIGN(std::string name, cursor_.ExpectName());
      value = NodeOf(Kind::kAttribute, line, std::move(name), std::move(value));
    } else if (cursor_.IsOperator("[")) {
      JINJA_ASSIGN(value, ParseSubscript(std::move(value)));
    } else if (cursor_.IsOperator("(")) {
      value = NodeOf(Kind::kCall, line, "", std::move(value));
      JINJA_RETURN_IF_ERROR(ParseArguments(value.get()));
    } else {
      return value;
    }
  }
}

ExpressionParser::Result ExpressionParser::ParseSubscript(ExpressionPtr value) {
  const int line = cursor_.line();
  cursor_.Advance();
  ExpressionPtr bounds[3];
  int colons = 0;
  while (!cursor_.IsOperator("]")) {
    if (cursor_.TakeOperator(":")) {
      if (++colons > 2) return cursor_.Unexpected("']'");
      continue;
    }
    if (bounds[colons] != nullptr) break;
    JINJA_ASSIGN(bounds[colons], Parse());
  }
  JINJA_RETURN_IF_ERROR(cursor_.ExpectOperator("]"));
  if (colons > 0) {
    return NodeOf(Kind::kSlice, line, "", std::move(value), std::move(bounds[0]),
                  std::move(bounds[1]), std::move(bounds[2]));
  }
  if (bounds[0] == nullptr) return ErrorAtLine(line, "an empty subscript");
  return NodeOf(Kind::kSubscript, line, "", std::move(value), std::move(bounds[0]));
}

absl::Status ExpressionParser::ParseArguments(Expression* call) {
  JINJA_RETURN_IF_ERROR(cursor_.ExpectOperator("("));
  while (!cursor_.IsOperator(")")) {
    if (cursor_.IsOperator("*") || cursor_.IsOperator("**")) {
      return ErrorAtLine(cursor_.line(), "unpacked arguments are not supported");
    }
    const bool is_named = cursor_.Now().kind == TokenKind::kName &&
                          cursor_.Next().kind == TokenKind::kOperator && cursor_.Next().text == "=";
    std::string name;
    if (is_named) {
      name = cursor_.Now().text;
      cursor_.Advance();
      cursor_.Advance();
    } else if (!call->named.empty()) {
      return cursor_.Unexpected("a named argument");
    }
    JINJA_ASSIGN(ExpressionPtr value, Parse());
    if (is_named) {
      call->named.emplace_back(std::move(name), std::move(value));
    } else {
      call->children.push_back(std::move(value));
    }
    if (!cursor_.TakeOperator(",")) break;
  }
  return cursor_.ExpectOperator(")");
}

ExpressionParser::Result ExpressionParser::ParseFilters(ExpressionPtr value) {
  while (true) {
    const int line = cursor_.line();
    if (cursor_.TakeOperator("|")) {
      JINJA_ASSIGN(std::string name, cursor_.ExpectName());
      value = NodeOf(Kind::kFilter, line, std::move(name), std::move(value));
      if (cursor_.IsOperator("(")) JINJA_RETURN_IF_ERROR(ParseArguments(value.get()));
    } else if (cursor_.TakeName("is")) {
      JINJA_ASSIGN(value, ParseTest(std::move(value)));
    } else {
      return value;
    }
  }
}

// After "is". An argument may follow without brackets: "x is divisibleby 3".
ExpressionParser::Result ExpressionParser::ParseTest(ExpressionPtr value) {
  const int line = cursor_.line();
  const bool negated = cursor_.TakeName("not");
  JINJA_ASSIGN(std::string name, cursor_.ExpectName());
  ExpressionPtr test = NodeOf(Kind::kTest, line, std::move(name), std::move(value));
  const TokenKind next = cursor_.Now().kind;
  const bool ends = cursor_.IsName("else") || cursor_.IsName("or") || cursor_.IsName("and") ||
                    cursor_.IsName("if") || cursor_.IsName("is") || cursor_.IsName("in") ||
                    cursor_.IsName("not");
  if (cursor_.IsOperator("(")) {
    JINJA_RETURN_IF_ERROR(ParseArguments(test.get()));
  } else if (!ends && (next == TokenKind::kName || next == TokenKind::kString ||
                       next == TokenKind::kInteger || next == TokenKind::kFloat ||
                       cursor_.IsOperator("[") || cursor_.IsOperator("{"))) {
    JINJA_ASSIGN(ExpressionPtr argument, ParsePrimary());
    JINJA_ASSIGN(argument, ParsePostfix(std::move(argument)));
    test->children.push_back(std::move(argument));
  }
  if (negated) test = NodeOf(Kind::kNot, line, "", std::move(test));
  return test;
}

}  // namespace forensics::runner::jinja
