#include "pods/ask.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pods/log_tail.h"
#include "pods/outcome.h"
#include "pods/workspace.h"

namespace forensics::pods {

Answer Ask(const Plan& plan, const std::string& name, std::vector<std::string> command,
           SignalGuard& signals, double seconds) {
  ChildOptions options;
  options.command = std::move(command);
  options.log = Workspace(plan.folder()).Log("check-" + name);
  options.timeout_seconds = seconds;
  std::error_code ignored;
  std::filesystem::remove(options.log, ignored);
  const absl::StatusOr<ChildExit> exit = RunChild(options, signals);
  if (!exit.ok()) return {false, {}, std::string(exit.status().message())};
  Answer answer;
  answer.ok = exit->code == 0 && exit->signal == 0 && !exit->timed_out;
  answer.lines = LastLines(options.log, 50);
  answer.text =
      answer.lines.empty() ? ExitText(*exit) : absl::StrJoin(answer.lines, answer.ok ? "\n" : "; ");
  return answer;
}

std::string WhyItDoesNotStart(const Plan& plan, const Step& step, SignalGuard& signals) {
  const std::string& program = step.command.front();
  if (LacksProgram(step)) return "no program " + program;
  const Answer help = Ask(plan, step.id + "-help", {program, "--help"}, signals);
  if (help.ok) return "";
  return absl::StrCat(program,
                      ": does not start: ", help.lines.empty() ? help.text : help.lines.back());
}

}  // namespace forensics::pods
