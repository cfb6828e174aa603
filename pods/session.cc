#include "pods/session.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "pods/clock.h"
#include "pods/log_tail.h"

namespace forensics::pods {
namespace {

constexpr double kAliveSeconds = 60;  // between two signs of life in the journal

}  // namespace

Session::Session(const Plan& plan, const std::vector<Step>& steps, Journal& journal,
                 Display& display)
    : plan_(plan), workspace_(plan.folder()), journal_(journal), display_(display), began_(Now()) {
  std::map<std::string, double> seconds;
  if (const auto events = ReadJournal(workspace_.Journal()); events.ok()) {
    seconds_before_ = SecondsAtWork(*events);
    seconds = SecondsOfSteps(*events);
  }
  for (const Step& step : steps) {
    order_.push_back(step.id);
    StepView& view = views_[step.id];
    view.id = step.id;
    view.time.estimated = step.estimated_seconds;
    view.time.taken = seconds[step.id];
  }
  Record("session", "", 0, plan_.name());
}

std::vector<StepView> Session::Views() const {
  std::vector<StepView> views;
  for (const std::string& step : order_) views.push_back(views_.at(step));
  return views;
}

std::string Session::Total() const {
  return TotalText(Views(), seconds_before_ + Now() - began_, plan_.machine());
}

void Session::Draw() {
  // The cost has a line of its own, where both do not fit into one.
  const std::string total = absl::StrReplaceAll(Total(), {{" left; ", " left\n"}});
  display_.Draw(absl::StrCat(TableText(Views()), total, "\n"));
}

void Session::Alive(const std::string& step, double seconds) {
  StepView& view = View(step);
  view.time.taken = seconds;
  const std::vector<std::string> lines = LastLines(workspace_.Log(step), 1);
  if (!lines.empty()) view.remark = lines[0];
  if (Now() - last_alive_ > kAliveSeconds) Record("alive", step, seconds, "");
  Draw();
}

void Session::Record(const std::string& kind, const std::string& step, double seconds,
                     const std::string& message) {
  if (!journal_.Append({Now(), kind, step, seconds, message}).ok()) return;
  last_alive_ = Now();
}

void Session::End() {
  Record("end", "", Now() - began_, "");
  display_.Draw("");
  display_.Note(absl::StrCat(TableText(Views()), Total()));
}

}  // namespace forensics::pods
