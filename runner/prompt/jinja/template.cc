#include "runner/prompt/jinja/template.h"

#include "runner/prompt/jinja/evaluator.h"
#include "runner/prompt/jinja/parser.h"
#include "runner/prompt/jinja/status_macros.h"

namespace forensics::runner::jinja {

absl::StatusOr<Template> Template::Parse(absl::string_view source) {
  JINJA_ASSIGN(Block block, jinja::Parse(source));
  return Template(std::move(block));
}

absl::StatusOr<std::string> Template::Render(
    std::vector<std::pair<std::string, Value>> variables) const {
  return Evaluator(std::move(variables)).Run(*block_);
}

}  // namespace forensics::runner::jinja
