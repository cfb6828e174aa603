// What a person sees while a run is under way, on stderr.
#ifndef RUNNER_ENGINE_PROGRESS_H_
#define RUNNER_ENGINE_PROGRESS_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>

namespace forensics::runner {

// A stage at a time: "repetition 2 of 3, decode", so many units to do. On a terminal it is one line
// that redraws itself, with a bar, units a second and the time left; elsewhere a plain line at the
// start and the end of a stage and every ten seconds between.
class Progress {
 public:
  using Clock = std::function<double()>;  // monotonic seconds

  // stderr, as a terminal or not.
  static Progress ForStderr();
  static Progress Silent();
  Progress(std::ostream& out, bool is_terminal, Clock clock);
  Progress(Progress&&) = default;

  // Stands before the name of every stage that begins from now on.
  void SetHeading(std::string heading) { heading_ = std::move(heading); }

  // `seconds_after` is an estimate of what follows the stage, 0 if unknown; it is part of the time
  // left. A total of 0 shows no bar.
  void Begin(const std::string& stage, int64_t total, std::string unit, double seconds_after = 0);
  void Done(int64_t done);  // so many units in all
  void End();               // all of them are done
  void Abandon();           // the stage ends where it is

  // A line of its own, above the bar.
  void Note(const std::string& text);

 private:
  std::string Line(double now) const;
  void Draw(double now);
  void Close();
  void Erase();

  std::ostream* out_;
  bool is_terminal_;
  Clock clock_;

  std::string heading_;
  std::string stage_;
  std::string unit_;
  int64_t total_ = 0;
  int64_t done_ = 0;
  double seconds_after_ = 0;
  double began_ = 0;
  double drawn_ = 0;
  bool active_ = false;
};

// "1:05" or "2:03:59".
std::string ClockText(double seconds);

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_PROGRESS_H_
