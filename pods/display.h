// What a person sees of a plan that is being worked through.
#ifndef PODS_DISPLAY_H_
#define PODS_DISPLAY_H_

#include <ostream>
#include <string>
#include <vector>

#include "pods/forecast.h"
#include "pods/plan.pb.h"

namespace forensics::pods {

struct StepView {
  std::string id;
  StepTime time;
  std::string remark;  // last line of its log, or why it failed
};

// One line a step: what is done, running, left, how long it took or will.
std::string TableText(const std::vector<StepView>& steps);

// "5 of 14 done; 0:21:10 so far, about 0:48:00 left; 0.85 USD so far, about 2.80 USD in all"
std::string TotalText(const std::vector<StepView>& steps, double seconds_at_work,
                      const Machine& machine);

// Draws the table in place on a terminal; elsewhere only Note's lines appear.
class Display {
 public:
  Display(std::ostream& out, bool is_terminal) : out_(out), is_terminal_(is_terminal) {}

  void Draw(const std::string& table);
  void Note(const std::string& text);  // a line above the table

 private:
  void Erase();

  std::ostream& out_;
  bool is_terminal_;
  long drawn_lines_ = 0;
};

}  // namespace forensics::pods

#endif  // PODS_DISPLAY_H_
