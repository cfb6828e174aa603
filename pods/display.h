// What a person sees of a plan that is being worked through.
#ifndef PODS_DISPLAY_H_
#define PODS_DISPLAY_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
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

struct TerminalSize {
  int columns = 0;  // 0: not known
  int rows = 0;
};

// The text as so many rows as it has lines: of each what fits beside the cursor, of too many lines
// the last ones, and nothing that moves the cursor.
std::string FitToTerminal(absl::string_view text, TerminalSize size);

inline constexpr int kNoTerminal = -1;

// Draws the table in place on a terminal; elsewhere only Note's lines appear. They are appended to
// `log` too, each line after its time: a terminal may be gone when the program ends.
class Display {
 public:
  // `terminal`: the file descriptor that `out` writes to, or kNoTerminal. A `log` that cannot be
  // appended to is done without.
  Display(std::ostream& out, int terminal, const std::string& log);
  ~Display();
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  void Draw(const std::string& table);
  void Note(const std::string& text);  // lines above the table
  void Log(absl::string_view text);    // lines for the log alone

 private:
  void Erase();

  std::ostream& out_;
  const int terminal_;
  const int log_;  // a file descriptor, or -1
  long drawn_lines_ = 0;
};

}  // namespace forensics::pods

#endif  // PODS_DISPLAY_H_
