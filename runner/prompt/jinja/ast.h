// The parsed template.
#ifndef RUNNER_PROMPT_JINJA_AST_H_
#define RUNNER_PROMPT_JINJA_AST_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runner/prompt/jinja/value.h"

namespace forensics::runner::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Expression {
  enum class Kind {
    kLiteral,    // literal
    kName,       // name
    kList,       // children: items
    kDict,       // children: key, value, key, value, ...
    kAttribute,  // children: object; name
    kSubscript,  // children: object, key
    kSlice,      // children: object, start, stop, step; a missing bound is nullptr
    kCall,       // children: callee, arguments
    kFilter,     // children: value, arguments; name
    kTest,       // children: value, arguments; name
    kNegate,     // children: value
    kPlus,       // children: value
    kNot,        // children: value
    kAnd,        // children: left, right
    kOr,         // children: left, right
    kBinary,     // children: left, right; name: + - * / // % ** ~
    kCompare,    // children: a, b, c, ...; operators: one less
    kCondition,  // children: value, condition, other (nullptr: undefined)
  };

  Kind kind;
  int line;
  std::string name;
  Value literal;
  std::vector<ExpressionPtr> children;
  std::vector<std::pair<std::string, ExpressionPtr>> named;  // of kCall, kFilter
  std::vector<std::string> operators;
};

struct Statement;
using Block = std::vector<Statement>;

struct Statement {
  enum class Kind {
    kText,      // name: the text
    kOutput,    // expression
    kIf,        // expression, body, otherwise
    kFor,       // targets, expression, filter or nullptr, body, otherwise
    kSet,       // targets, or targets[0] and attribute; expression
    kSetBlock,  // targets[0], body
    kMacro,     // name, targets: parameters, defaults, body
    kGroup,     // body
    kBreak,
    kContinue,
  };

  Kind kind;
  int line;
  std::string name;
  std::string attribute;
  std::vector<std::string> targets;
  ExpressionPtr expression;
  ExpressionPtr filter;
  std::vector<ExpressionPtr> defaults;  // one a parameter; nullptr: none
  Block body;
  Block otherwise;
};

}  // namespace forensics::runner::jinja

#endif  // RUNNER_PROMPT_JINJA_AST_H_
