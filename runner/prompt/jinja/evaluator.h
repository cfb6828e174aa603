// Runs a parsed template.
#ifndef RUNNER_PROMPT_JINJA_EVALUATOR_H_
#define RUNNER_PROMPT_JINJA_EVALUATOR_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/prompt/jinja/ast.h"
#include "runner/prompt/jinja/value.h"

namespace forensics::runner::jinja {

// One rendering. The tree must outlive it.
class Evaluator {
 public:
  explicit Evaluator(std::vector<std::pair<std::string, Value>> variables);

  absl::StatusOr<std::string> Run(const Block& block);

 private:
  // What ends a block early.
  enum class Flow { kNext, kBreak, kContinue };
  // Names that were set; a loop's body sees those outside and keeps its own.
  struct Scope {
    std::vector<std::pair<std::string, Value>> names;
    bool hides_outer = false;  // a macro's: only the global scope is behind it
  };

  absl::StatusOr<Flow> RunBlock(const Block& block, std::string* out);
  absl::StatusOr<Flow> RunStatement(const Statement& statement, std::string* out);
  absl::StatusOr<Flow> RunFor(const Statement& statement, std::string* out);
  absl::Status RunSet(const Statement& statement);
  absl::Status Assign(const std::vector<std::string>& targets, const Value& value);
  void DefineMacro(const Statement& macro);
  absl::StatusOr<Value> CallMacro(const Statement& macro, const Arguments& arguments);

  // Evaluates and adds the line to an error that has none.
  absl::StatusOr<Value> Evaluate(const Expression& expression);
  absl::StatusOr<Value> Compute(const Expression& expression);
  absl::StatusOr<Value> EvaluateCall(const Expression& call);
  absl::StatusOr<Value> EvaluateCompare(const Expression& compare);
  absl::StatusOr<Value> EvaluateSlice(const Expression& slice);
  absl::StatusOr<Value> EvaluateDict(const Expression& dict);
  absl::StatusOr<Value> EvaluateBinary(const Expression& binary);
  // children[1...] and named.
  absl::StatusOr<Arguments> EvaluateArguments(const Expression& call);

  Value Lookup(absl::string_view name) const;
  void Define(absl::string_view name, Value value);
  absl::Status CountStep(int line, const std::string& out);

  std::vector<Scope> scopes_;
  int64_t steps_ = 0;
  int depth_ = 0;  // of macro calls
};

}  // namespace forensics::runner::jinja

#endif  // RUNNER_PROMPT_JINJA_EVALUATOR_H_
