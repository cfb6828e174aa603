#include "runner/engine/progress.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace forensics::runner {
namespace {

constexpr double kTerminalSeconds = 0.1;
constexpr double kPlainSeconds = 10;
constexpr int kBarWidth = 24;

std::string Bar(double share) {
  const int filled = static_cast<int>(std::floor(share * kBarWidth));
  return absl::StrCat("[", std::string(filled, '#'), std::string(kBarWidth - filled, '.'), "]");
}

}  // namespace

std::string ClockText(double seconds) {
  const int64_t whole = std::max<int64_t>(0, std::llround(seconds));
  const int64_t hours = whole / 3600, minutes = whole / 60 % 60;
  return hours > 0 ? absl::StrFormat("%d:%02d:%02d", hours, minutes, whole % 60)
                   : absl::StrFormat("%d:%02d", minutes, whole % 60);
}

Progress Progress::ForStderr() {
  return Progress(std::cerr, isatty(STDERR_FILENO) == 1, [] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  });
}

Progress Progress::Silent() {
  static auto* const nowhere = new std::ostream(nullptr);
  return Progress(*nowhere, false, [] { return 0.0; });
}

Progress::Progress(std::ostream& out, bool is_terminal, Clock clock)
    : out_(&out), is_terminal_(is_terminal), clock_(std::move(clock)) {}

void Progress::Begin(const std::string& stage, int64_t total, std::string unit,
                     double seconds_after) {
  End();
  stage_ = heading_ + stage;
  unit_ = std::move(unit);
  total_ = total;
  done_ = 0;
  seconds_after_ = seconds_after;
  began_ = clock_();
  active_ = true;
  Draw(began_);
}

void Progress::Done(int64_t done) {
  if (!active_) return;
  done_ = done;
  const double now = clock_();
  if (now - drawn_ >= (is_terminal_ ? kTerminalSeconds : kPlainSeconds)) Draw(now);
}

void Progress::End() {
  done_ = std::max(done_, total_);
  Close();
}

void Progress::Abandon() { Close(); }

void Progress::Close() {
  if (!active_) return;
  Draw(clock_());
  if (is_terminal_) *out_ << "\n" << std::flush;
  active_ = false;
}

void Progress::Note(const std::string& text) {
  Erase();
  *out_ << text << "\n" << std::flush;
  if (active_ && is_terminal_) Draw(clock_());
}

std::string Progress::Line(double now) const {
  const double elapsed = now - began_;
  std::string line = stage_;
  if (total_ > 0) {
    if (is_terminal_) absl::StrAppend(&line, "  ", Bar(static_cast<double>(done_) / total_));
    absl::StrAppend(&line, "  ", done_, "/", total_, " ", unit_);
  }
  if (done_ > 0 && elapsed > 0) {
    absl::StrAppendFormat(&line, "  %.4g %s/s", done_ / elapsed, unit_);
  }
  absl::StrAppend(&line, "  ", ClockText(elapsed), " elapsed");
  if (done_ > 0 && done_ < total_) {
    absl::StrAppend(&line, ", ", ClockText(elapsed / done_ * (total_ - done_) + seconds_after_),
                    " left");
  } else if (seconds_after_ > 0) {
    absl::StrAppend(&line, ", about ", ClockText(seconds_after_), " left after this");
  }
  return line;
}

void Progress::Draw(double now) {
  Erase();
  *out_ << Line(now) << (is_terminal_ ? "" : "\n") << std::flush;
  drawn_ = now;
}

void Progress::Erase() {
  if (is_terminal_ && active_) *out_ << "\r\033[K";
}

}  // namespace forensics::runner
