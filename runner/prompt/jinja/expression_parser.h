// Expressions of the template language, with Jinja's precedence.
#ifndef RUNNER_PROMPT_JINJA_EXPRESSION_PARSER_H_
#define RUNNER_PROMPT_JINJA_EXPRESSION_PARSER_H_

#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/prompt/jinja/ast.h"
#include "runner/prompt/jinja/lexer.h"

namespace forensics::runner::jinja {

// A position in a template's tokens.
class TokenCursor {
 public:
  explicit TokenCursor(const std::vector<Token>& tokens) : tokens_(tokens) {}

  const Token& Now() const { return tokens_[position_]; }
  const Token& Next() const { return tokens_[position_ + (Now().kind != TokenKind::kEnd)]; }
  int line() const { return Now().line; }
  void Advance() { position_ += Now().kind != TokenKind::kEnd; }

  bool IsOperator(absl::string_view text) const;
  bool IsName(absl::string_view text) const;
  // Consumes the operator or name if it is there.
  bool TakeOperator(absl::string_view text);
  bool TakeName(absl::string_view text);
  absl::Status ExpectOperator(absl::string_view text);
  absl::StatusOr<std::string> ExpectName();
  absl::Status Expect(TokenKind kind, absl::string_view what);
  // "line 3: expected WHAT, found 'x'".
  absl::Status Unexpected(absl::string_view what) const;

 private:
  const std::vector<Token>& tokens_;
  size_t position_ = 0;
};

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenCursor& cursor) : cursor_(cursor) {}

  // With `conditional` false, "if" ends the expression, as in a for statement.
  absl::StatusOr<ExpressionPtr> Parse(bool conditional = true);

 private:
  using Result = absl::StatusOr<ExpressionPtr>;
  using Rule = Result (ExpressionParser::*)();

  Result ParseCondition();
  Result ParseOr();
  Result ParseAnd();
  Result ParseNot();
  Result ParseCompare();
  Result ParseSum();
  Result ParseConcatenation();
  Result ParseProduct();
  Result ParsePower();
  Result ParseUnaryWithFilters();
  Result ParseUnary();
  Result ParsePrimary();
  Result ParseList();
  Result ParseDict();
  Result ParsePostfix(ExpressionPtr value);
  Result ParseSubscript(ExpressionPtr value);
  Result ParseFilters(ExpressionPtr value);
  Result ParseTest(ExpressionPtr value);
  Result ParseBinary(std::initializer_list<absl::string_view> operators, Rule operand);
  absl::Status ParseArguments(Expression* call);

  TokenCursor& cursor_;
  int depth_ = 0;
};

}  // namespace forensics::runner::jinja

#endif  // RUNNER_PROMPT_JINJA_EXPRESSION_PARSER_H_
