#include "pods/display.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "schema/regular_file.h"

namespace forensics::pods {
namespace {

constexpr int kNoLog = -1;
constexpr size_t kWidestRemark = 60;
constexpr int kUsualColumns = 80, kUsualRows = 24;

// The first of them; no character of several bytes, in UTF-8, is cut in two.
absl::string_view FirstColumns(absl::string_view text, size_t columns) {
  size_t end = 0;
  for (size_t seen = 0; end < text.size(); ++end) {
    const bool continues = (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80;
    if (!continues && ++seen > columns) break;
  }
  return text.substr(0, end);
}

// Of a time that may be unknown.
std::string TimeText(const StepTime& time) {
  switch (time.progress) {
    case Progress::kDone:
    case Progress::kFailed:
    case Progress::kMissing:
      return time.taken > 0 ? ClockText(time.taken) : "";
    case Progress::kRunning:
      return time.estimated > 0
                 ? absl::StrCat(ClockText(time.taken), " of about ", ClockText(time.estimated))
                 : ClockText(time.taken);
    case Progress::kLeft:
      return time.estimated > 0 ? absl::StrCat("about ", ClockText(time.estimated)) : "";
  }
  return "";
}

}  // namespace

std::string TableText(const std::vector<StepView>& steps) {
  constexpr const char* kProgress[] = {"done", "running", "left", "failed", "missing"};
  std::string text;
  for (const StepView& step : steps) {
    std::string line =
        absl::StrFormat("  %-8s %-14s %-22s %s", kProgress[static_cast<int>(step.time.progress)],
                        step.id, TimeText(step.time), FirstColumns(step.remark, kWidestRemark));
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

std::string TotalText(const std::vector<StepView>& steps, double seconds_at_work,
                      const Machine& machine) {
  std::vector<StepTime> times;
  for (const StepView& step : steps) times.push_back(step.time);
  const auto done = std::count_if(times.begin(), times.end(), [](const StepTime& time) {
    return time.progress == Progress::kDone;
  });
  const double left = SecondsLeft(times);
  std::string text = absl::StrCat(done, " of ", steps.size(), " done; ", ClockText(seconds_at_work),
                                  " so far, about ", ClockText(left), " left");
  const std::string& currency = machine.currency();
  const std::string cost = CostText(seconds_at_work, machine.price_per_hour(), currency);
  if (cost.empty()) return text;
  return absl::StrCat(text, "; ", cost, " so far, about ",
                      CostText(seconds_at_work + left, machine.price_per_hour(), currency),
                      " in all");
}

std::string FitToTerminal(absl::string_view text, TerminalSize size) {
  const auto most = static_cast<size_t>((size.columns > 0 ? size.columns : kUsualColumns) - 1);
  const auto most_lines = static_cast<size_t>((size.rows > 0 ? size.rows : kUsualRows) - 1);
  std::vector<absl::string_view> lines = absl::StrSplit(absl::StripSuffix(text, "\n"), '\n');
  if (text.empty()) lines.clear();
  if (lines.size() > most_lines) {
    lines.erase(lines.begin(), lines.end() - static_cast<ptrdiff_t>(most_lines));
  }
  std::string fitted;
  for (const absl::string_view line : lines) {
    for (const char c : FirstColumns(line, most)) {
      fitted.push_back(absl::ascii_iscntrl(static_cast<unsigned char>(c)) ? ' ' : c);
    }
    fitted.push_back('\n');
  }
  return fitted;
}

Display::Display(std::ostream& out, int terminal, const std::string& log)
    : out_(out), terminal_(terminal), log_(schema::OpenRegularFileToAppend(log).value_or(kNoLog)) {}

Display::~Display() {
  if (log_ != kNoLog) close(log_);
}

void Display::Erase() {
  if (drawn_lines_ > 0) out_ << "\033[" << drawn_lines_ << "A\033[J";
  drawn_lines_ = 0;
}

void Display::Draw(const std::string& table) {
  if (terminal_ == kNoTerminal) return;
  Erase();
  winsize size = {};
  if (ioctl(terminal_, TIOCGWINSZ, &size) != 0) size = {};
  const std::string fitted = FitToTerminal(table, {size.ws_col, size.ws_row});
  out_ << fitted << std::flush;
  drawn_lines_ = std::count(fitted.begin(), fitted.end(), '\n');
}

void Display::Note(const std::string& text) {
  Erase();
  out_ << text << "\n" << std::flush;
  Log(text);
}

void Display::Log(absl::string_view text) {
  const std::string time = absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::Now(), absl::UTCTimeZone());
  std::string lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    absl::StrAppend(&lines, time, "  ", line, "\n");
  }
  // After a full disk it goes on.
  if (log_ == kNoLog || write(log_, lines.data(), lines.size()) < 0) return;
}

}  // namespace forensics::pods
