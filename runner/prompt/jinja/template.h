// An interpreter of the part of Jinja2 that chat templates use, set up as Hugging Face's
// transformers sets it up (trim_blocks, lstrip_blocks, loop controls, immutable sandbox).
//
// Supported: text, {{ }}, {# #}, raw; if, for (else, filter, break, continue, loop), set (also of a
// namespace's attribute, and as a block), macro, generation; expressions with Python's operators,
// slices, calls, strings' and dicts' methods; the filters and tests of filters.cc; namespace(),
// range(), raise_exception(). Everything else is an error with its line: tuples, recursive loops,
// include, import, inheritance, call and filter blocks.
// strftime_now() is undefined on purpose: a prompt must not depend on the day. Templates that ask
// whether it is defined fall back to a date of their own.
#ifndef RUNNER_PROMPT_JINJA_TEMPLATE_H_
#define RUNNER_PROMPT_JINJA_TEMPLATE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/prompt/jinja/ast.h"
#include "runner/prompt/jinja/value.h"

namespace forensics::runner::jinja {

class Template {
 public:
  // InvalidArgument "line N: ..." for what cannot be read.
  static absl::StatusOr<Template> Parse(absl::string_view source);

  // The text with `variables` as the global names. Errors name the line; raise_exception(message)
  // is FailedPrecondition with the message. Work, output and recursion are bounded.
  absl::StatusOr<std::string> Render(std::vector<std::pair<std::string, Value>> variables) const;

 private:
  explicit Template(Block block) : block_(std::make_shared<const Block>(std::move(block))) {}

  std::shared_ptr<const Block> block_;
};

}  // namespace forensics::runner::jinja

#endif  // RUNNER_PROMPT_JINJA_TEMPLATE_H_
