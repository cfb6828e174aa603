// What is no honest experiment file costs an error that says where, and never the memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "analyzer/reading/experiment_reader.h"
#include "analyzer/testing/builders.h"

namespace forensics::analyzer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Up to the value of a vector.
constexpr char kVector[] =
    R"({"runs":[{"config_id":"c","decode_steps":[{"hidden_states":{"layer_1":{"pos_-1":)";

struct Case {
  std::string name;
  std::string bytes;
  std::string error;  // without the file's name
};

std::string Messages(const std::string& path) {
  const absl::StatusOr<Experiment> experiment = ReadExperiment(path);
  return std::string(experiment.status().message());
}

TEST(HostileFiles, ErrorsSayByteAndPlace) {
  const Case cases[] = {
      {"empty", "", "the file is empty"},
      {"gzip", std::string("\x1f\x8b\x08\0", 4), "byte 0: is compressed by gzip; decompress it"},
      {"zero byte behind", absl::StrCat("{}", std::string(1, '\0')),
       "byte 2, line 1, at /: expected the end of the file"},
      {"trailing", "{}\n{}", "byte 3, line 2, at /: expected the end of the file"},
      {"key twice", R"({"runs":[],"runs":[]})", "at /: the key 'runs' comes twice"},
      {"key twice within", R"({"runs":[{"rep_id":1,"rep_id":1}]})",
       "at /runs/0: the key 'rep_id' comes twice"},
      {"key that is not UTF-8", "{\"runs\xff\":[]}", "at /: Invalid encoding in string"},
      {"text that is not UTF-8", "{\"runs\":[{\"config_id\":\"\xED\xA0\x80\"}]}",
       "at /runs/0/config_id: Invalid encoding in string"},
      {"lone surrogate", R"({"runs":[{"config_id":"\ud800"}]})",
       "at /runs/0/config_id: The surrogate pair in string is invalid"},
      {"nested runs", absl::StrCat("{\"runs\":", std::string(1'000'000, '[')),
       "byte 9, line 1, at /runs/0: expected an object"},
      {"nested elsewhere", absl::StrCat("{\"other\":", std::string(1'000'000, '[')),
       "at /other: nested more than 100 deep"},
      {"beyond float64", R"({"runs":[{"runtime_seconds":1e99999999999}]})",
       "at /runs/0/runtime_seconds: Number too big to be stored in double"},
      {"hexadecimal", absl::StrCat(kVector, "[0x10]"),
       "pos_-1: expected ',' or ']' after a number"},
      {"minus alone", absl::StrCat(kVector, "[-]"), "pos_-1: expected a number, found '-'"},
      {"step beyond", R"({"runs":[{"decode_steps":[{"step":9007199254740993}]}]})",
       "at /runs/0/decode_steps/0: a step number beyond 2^53"},
      {"step below 0", R"({"runs":[{"decode_steps":[{"step":-1}]}]})",
       "at /runs/0/decode_steps/0: a step number below 0"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(Messages(WriteTestFile("hostile.json", c.bytes)),
                AllOf(HasSubstr("/hostile.json: "), HasSubstr(c.error)))
        << c.name;
  }
  EXPECT_THAT(Messages(::testing::TempDir()), HasSubstr("is a directory"));
  EXPECT_THAT(Messages("/dev/zero"), StartsWith("/dev/zero: byte 0, at /: expected an object"));
}

TEST(HostileFiles, NumbersBeyondFloat32AreFindings) {
  const absl::StatusOr<Experiment> experiment = ReadExperiment(WriteTestFile(
      "numbers.json",
      absl::StrCat(kVector, "[1e308,1e-400,1e99999999999,123456789012345678901234567890]}}}]}],",
                   R"("configurations":[],"experiment_metadata":{"experiment_type":"x"}})")));
  ASSERT_TRUE(experiment.ok()) << experiment.status();
  const Vectors& vectors = experiment->runs[0].vectors.begin()->second;
  EXPECT_THAT(*vectors.begin()->second,
              ::testing::ElementsAre(HUGE_VALF, 0.0f, HUGE_VALF, 123456789012345678901234567890.f));
  EXPECT_THAT(experiment->findings,
              ::testing::Contains(HasSubstr("2 numbers beyond float32's range")));
}

// What a process of 1 GiB says of `start` and `repeated` as often as it will read.
std::string MessageInOneGibibyte(const std::string& start, const std::string& repeated) {
  const std::string path = ::testing::TempDir() + "/endless.json";
  unlink(path.c_str());
  EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit = {1 << 30, 1 << 30};
    setrlimit(RLIMIT_AS, &limit);
    const std::string message = Messages(path);
    _exit(write(ends[1], message.data(), message.size()) < 0);
  }
  close(ends[1]);
  signal(SIGPIPE, SIG_IGN);
  std::string block;
  while (block.size() < 1 << 20) block += repeated;
  std::ofstream fifo(path);
  fifo << start;
  while (fifo) fifo << block;
  std::string message(1 << 16, '\0');
  const ssize_t size = read(ends[0], message.data(), message.size());
  message.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? message : absl::StrCat("ended by signal ", WTERMSIG(status));
}

TEST(HostileFiles, EndlessOnesEndInAnErrorWithinOneGibibyte) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer needs more address space";
#endif
  const struct {
    std::string start, repeated, error;
  } cases[] = {
      {absl::StrCat(kVector, "["), "[", "pos_-1: expected a number, found a text of 65536"},
      {absl::StrCat(kVector, "["), "null,", "pos_-1: an array of more than 4194304 numbers"},
      {R"({"runs":[{"config_id":")", "x", "a string, number or white space of more than 16777216"},
      {R"({")", "k", "a string, number or white space of more than 16777216"},
      {R"({"other":)", "1", "at /other: Number too big"},
      {R"({"other":0.)", "1", "byte 16777225, at /: expected ',' or '}'"},
      {R"({"configurations":[)", R"({"config_id":"c"},)", "more structure and text than"},
      {R"({"runs":[{"decode_steps":[)", "{},", "more structure and text than"},
      {R"({"experiment_metadata":{"extraction_config":{"layers":[)", "1,",
       "more structure and text than"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(MessageInOneGibibyte(c.start, c.repeated), HasSubstr(c.error)) << c.start;
  }
}

}  // namespace
}  // namespace forensics::analyzer
