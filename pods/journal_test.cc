#include "pods/journal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "schema/atomic_file.h"

namespace forensics::pods {
namespace {

class JournalTest : public testing::Test {
 protected:
  void Append(const Event& event) {
    absl::StatusOr<Journal> journal = Journal::Open(path_);
    ASSERT_TRUE(journal.ok()) << journal.status();
    const absl::Status status = journal->Append(event);
    ASSERT_TRUE(status.ok()) << status;
  }
  std::vector<Event> Read() {
    const auto events = ReadJournal(path_);
    EXPECT_TRUE(events.ok()) << events.status();
    return events.value_or(std::vector<Event>());
  }
  std::string Text() { return schema::ReadFile(path_).value_or(""); }
  void Write(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }

  const std::string path_ =
      absl::StrCat(testing::TempDir(), "/",
                   testing::UnitTest::GetInstance()->current_test_info()->name(), "/journal");
};

TEST_F(JournalTest, IsMadeAndKeepsEveryField) {
  EXPECT_TRUE(Read().empty());
  Append({1700000000.25, "session", "", 0, "plan"});
  Append({1700000001.5, "done", "exp0", 1.25, ""});
  const std::vector<Event> events = Read();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_DOUBLE_EQ(events[0].time, 1700000000.25);
  EXPECT_EQ(events[0].kind, "session");
  EXPECT_EQ(events[0].step, "");
  EXPECT_EQ(events[0].message, "plan");
  EXPECT_EQ(events[1].step, "exp0");
  EXPECT_DOUBLE_EQ(events[1].seconds, 1.25);
}

TEST_F(JournalTest, AMessageStaysOnItsLine) {
  Append({1, "failed", "exp1", 0, "exit code 1\n    out of\tmemory"});
  Append({2, "end", "", 0, ""});
  ASSERT_EQ(Read().size(), 2u);
  EXPECT_EQ(Read()[0].message, "exit code 1     out of memory");
}

// Wherever a killed writer was, the lines before it count, and so do those that come after.
TEST_F(JournalTest, ALineTornAnywhereIsPassedOver) {
  Append({1, "begin", "exp0", 0, ""});
  const std::string first = Text();
  Append({2, "done", "exp0", 3, "a message"});
  const std::string both = Text();
  for (size_t size = first.size(); size < both.size(); ++size) {
    Write(both.substr(0, size));
    Append({4, "begin", "exp1", 0, ""});
    const std::vector<Event> events = Read();
    // All but the line's end is the whole line.
    ASSERT_EQ(events.size(), size + 1 == both.size() ? 3u : 2u) << size;
    EXPECT_EQ(events.front().kind, "begin");
    EXPECT_EQ(events.back().step, "exp1");
  }
}

TEST_F(JournalTest, ADamagedLineIsPassedOver) {
  Append({1, "done", "exp0", 3, ""});
  Append({2, "done", "exp1", 4, ""});
  Write(absl::StrReplaceAll(Text(), {{"exp0", "exp9"}}));
  ASSERT_EQ(Read().size(), 1u);
  EXPECT_EQ(Read()[0].step, "exp1");
  EXPECT_TRUE(ParseJournal("no journal\n\t\n\n0\t1\n").empty());
}

TEST_F(JournalTest, WhereItCannotBeIsNamed) {
  const absl::StatusOr<Journal> journal = Journal::Open("/proc/nowhere/journal");
  ASSERT_FALSE(journal.ok());
  EXPECT_NE(journal.status().message().find("/proc/nowhere/journal: cannot be opened"),
            std::string::npos);
}

TEST_F(JournalTest, APipeIsRefusedAndNotWaitedFor) {
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path());
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  for (const absl::Status& status : {Journal::Open(path_).status(), ReadJournal(path_).status()}) {
    EXPECT_EQ(status.message(), path_ + ": is no regular file");
  }
}

TEST(JournalTimesTest, SessionsCountAndWhatLiesBetweenThemDoesNot) {
  const std::vector<Event> events = {
      {100, "session", "", 0, ""},  {101, "begin", "exp0", 0, ""},  {130, "alive", "exp0", 29, ""},
      {1000, "session", "", 0, ""}, {1001, "begin", "exp0", 0, ""}, {1041, "done", "exp0", 40, ""},
      {1042, "end", "", 42, ""},
  };
  EXPECT_DOUBLE_EQ(SecondsAtWork(events), 30 + 42);
  EXPECT_DOUBLE_EQ(SecondsOfSteps(events).at("exp0"), 40);
  EXPECT_EQ(SecondsOfSteps(events).count("exp1"), 0u);
  EXPECT_EQ(SecondsAtWork({}), 0);
  // A time of day that was set back.
  EXPECT_EQ(SecondsAtWork({{5000, "session", "", 0, ""}, {1400, "end", "", 10, ""}}), 0);
}

TEST(JournalFailuresTest, AreTheLastOfStepsThatWereNotDoneSince) {
  const auto failures = LastFailures({
      {1, "failed", "exp0", 1, "no memory"},
      {2, "done", "exp0", 1, ""},
      {3, "failed", "exp4", 1, "signal 9"},
      {4, "failed", "exp4", 1, "exit code 1"},
      {5, "begin", "exp4", 0, ""},
      {6, "incomplete", "exp7", 1, "tp4"},
  });
  ASSERT_EQ(failures.size(), 2u);
  EXPECT_EQ(failures.at("exp4").message, "exit code 1");
  EXPECT_EQ(failures.at("exp7").kind, "incomplete");
}

TEST(RunningStepTest, IsTheOneThatBeganLastAndHasNotEnded) {
  const auto running = [](const std::vector<std::pair<std::string, std::string>>& kinds) {
    std::vector<Event> events;
    for (const auto& [kind, step] : kinds) events.push_back({0, kind, step, 0, ""});
    return RunningStep(events);
  };
  EXPECT_EQ(running({}), "");
  EXPECT_EQ(running({{"session", ""}, {"begin", "exp0"}, {"alive", "exp0"}}), "exp0");
  EXPECT_EQ(running({{"begin", "exp0"}, {"failed", "exp0"}, {"begin", "exp0"}}), "exp0");
  for (const char* end : {"done", "failed", "incomplete"}) {
    EXPECT_EQ(running({{"begin", "exp0"}, {end, "exp0"}}), "") << end;
  }
  EXPECT_EQ(running({{"begin", "exp0"}, {"session", ""}}), "") << "was killed";
}

}  // namespace
}  // namespace forensics::pods
