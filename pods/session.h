// What people are told while a plan is worked through, now and by the journal.
#ifndef PODS_SESSION_H_
#define PODS_SESSION_H_

#include <map>
#include <string>
#include <vector>

#include "pods/display.h"
#include "pods/journal.h"
#include "pods/plan.pb.h"
#include "pods/steps.h"
#include "pods/workspace.h"

namespace forensics::pods {

// Begins when it is made. Plan, journal and display must outlive it.
class Session {
 public:
  Session(const Plan& plan, const std::vector<Step>& steps, Journal& journal, Display& display);

  // Of a step, as the table shows it.
  StepView& View(const std::string& step) { return views_.at(step); }

  void Note(const std::string& text) { display_.Note(text); }
  // Draws the table anew.
  void Draw();
  // The same each second while a step runs, with the last line that it printed.
  void Alive(const std::string& step, double seconds);
  // An event of journal.h. The journal is for people: a full disk stops the plan where the work
  // itself needs it.
  void Record(const std::string& kind, const std::string& step, double seconds,
              const std::string& message);
  // The last event, and the table for good.
  void End();

  // "5 of 14 done; 0:21:10 so far, ..."
  std::string Total() const;

 private:
  std::vector<StepView> Views() const;

  const Plan& plan_;
  const Workspace workspace_;
  Journal& journal_;
  Display& display_;
  const double began_;
  double seconds_before_ = 0;  // at work in earlier sessions
  double last_alive_ = 0;
  std::vector<std::string> order_;
  std::map<std::string, StepView> views_;
};

}  // namespace forensics::pods

#endif  // PODS_SESSION_H_
