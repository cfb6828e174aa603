#include "pods/journal.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "schema/regular_file.h"

namespace forensics::pods {
namespace {

std::string Checksum(absl::string_view text) {
  const auto* bytes = reinterpret_cast<const Bytef*>(text.data());
  return absl::StrFormat("%08x", crc32(0, bytes, static_cast<uInt>(text.size())));
}

std::string Field(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\t", " "}, {"\n", " "}});
}

absl::Status Error(const std::string& path, const char* what) {
  const int error = errno;
  const std::string message = absl::StrCat(path, ": ", what, ": ", std::strerror(error));
  return error == ENOSPC || error == EDQUOT || error == EFBIG
             ? absl::ResourceExhaustedError(message)
             : absl::InternalError(message);
}

bool ParseLine(absl::string_view line, Event& event) {
  const size_t tab = line.find('\t');
  if (tab == absl::string_view::npos) return false;
  const absl::string_view rest = line.substr(tab + 1);
  if (line.substr(0, tab) != Checksum(rest)) return false;
  const std::vector<std::string> fields = absl::StrSplit(rest, '\t');
  if (fields.size() != 5 || !absl::SimpleAtod(fields[0], &event.time) ||
      !absl::SimpleAtod(fields[3], &event.seconds)) {
    return false;
  }
  event.kind = fields[1];
  event.step = fields[2];
  event.message = fields[4];
  return true;
}

}  // namespace

absl::StatusOr<Journal> Journal::Open(const std::string& path) {
  const absl::StatusOr<int> opened = schema::OpenRegularFileToAppend(path);
  if (!opened.ok()) return opened.status();
  const int fd = *opened;
  Journal journal(path, fd);
  const off_t size = lseek(fd, 0, SEEK_END);
  char last = '\n';
  if (size > 0 && pread(fd, &last, 1, size - 1) != 1) return Error(path, "read");
  if (last != '\n' && write(fd, "\n", 1) != 1) return Error(path, "write");
  return journal;
}

Journal::Journal(Journal&& other) noexcept : path_(std::move(other.path_)), fd_(other.fd_) {
  other.fd_ = -1;
}

Journal::~Journal() {
  if (fd_ >= 0) close(fd_);
}

absl::Status Journal::Append(const Event& event) {
  const std::string text = absl::StrCat(
      absl::StrFormat("%.3f", event.time), "\t", Field(event.kind), "\t", Field(event.step), "\t",
      absl::StrFormat("%.3f", event.seconds), "\t", Field(event.message));
  const std::string line = absl::StrCat(Checksum(text), "\t", text, "\n");
  const ssize_t written = write(fd_, line.data(), line.size());
  if (written < 0) return Error(path_, "write");
  if (static_cast<size_t>(written) != line.size()) {
    return absl::ResourceExhaustedError(absl::StrCat(path_, ": write: No space left on device"));
  }
  if (fdatasync(fd_) != 0 && errno != EINVAL) return Error(path_, "sync");
  return absl::OkStatus();
}

std::vector<Event> ParseJournal(absl::string_view text) {
  std::vector<Event> events;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    Event event;
    if (ParseLine(line, event)) events.push_back(std::move(event));
  }
  return events;
}

absl::StatusOr<std::vector<Event>> ReadJournal(const std::string& path) {
  const absl::StatusOr<std::string> text = schema::ReadRegularFile(path);
  if (absl::IsNotFound(text.status())) return std::vector<Event>();
  if (!text.ok()) return text.status();
  return ParseJournal(*text);
}

double SecondsAtWork(const std::vector<Event>& events) {
  double seconds = 0, began = 0;
  for (size_t i = 0; i < events.size(); ++i) {
    if (events[i].kind == "session" || i == 0) began = events[i].time;
    const bool ends = i + 1 == events.size() || events[i + 1].kind == "session";
    if (ends) seconds += std::max(0.0, events[i].time - began);
  }
  return seconds;
}

std::map<std::string, double> SecondsOfSteps(const std::vector<Event>& events) {
  std::map<std::string, double> seconds;
  for (const Event& event : events) {
    if (event.kind == "done") seconds[event.step] = event.seconds;
  }
  return seconds;
}

std::string RunningStep(const std::vector<Event>& events) {
  std::string running;
  for (const Event& event : events) {
    if (event.kind == "alive") continue;
    running = event.kind == "begin" ? event.step : "";
  }
  return running;
}

std::map<std::string, Event> LastFailures(const std::vector<Event>& events) {
  std::map<std::string, Event> failures;
  for (const Event& event : events) {
    if (event.kind == "failed" || event.kind == "incomplete") failures[event.step] = event;
    if (event.kind == "done") failures.erase(event.step);
  }
  return failures;
}

}  // namespace forensics::pods
