// When what was done: for times, attempts and costs that people are shown, and for nothing else.
#ifndef PODS_JOURNAL_H_
#define PODS_JOURNAL_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::pods {

struct Event {
  double time = 0;      // seconds since 1970, UTC
  std::string kind;     // "session", "alive", "begin", "done", "failed", "incomplete", "damaged",
                        // "end"
  std::string step;     // empty: of the session
  double seconds = 0;   // that the step took
  std::string message;  // without tabs and line ends
};

// An append-only file of one line an event: the CRC-32 of the rest of the line in hex, then the
// fields, separated by tabs. A line that a killed writer left unfinished is passed over.
class Journal {
 public:
  // Opens it, made if need be, and ends a torn last line.
  static absl::StatusOr<Journal> Open(const std::string& path);
  Journal(Journal&& other) noexcept;
  Journal& operator=(Journal&&) = delete;
  ~Journal();

  // On disk when it returns.
  absl::Status Append(const Event& event);

 private:
  Journal(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_;
};

// The events of a journal's text, damaged lines left out.
std::vector<Event> ParseJournal(absl::string_view text);

// Of the file; none where there is no file.
absl::StatusOr<std::vector<Event>> ReadJournal(const std::string& path);

// Seconds in which the plan was being worked on: from the beginning of each session to its last
// event.
double SecondsAtWork(const std::vector<Event>& events);

// {step: seconds that it took when it was last done}
std::map<std::string, double> SecondsOfSteps(const std::vector<Event>& events);

// The step that began last and has not ended since; empty: none.
std::string RunningStep(const std::vector<Event>& events);

// {step: its last "failed" or "incomplete"}, of steps that were not done since.
std::map<std::string, Event> LastFailures(const std::vector<Event>& events);

}  // namespace forensics::pods

#endif  // PODS_JOURNAL_H_
