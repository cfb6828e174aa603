#include "schema/command_line.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

ABSL_FLAG(int, count, 3, "how many");
ABSL_FLAG(bool, loud, false, "whether");
ABSL_FLAG(std::string, name, "", "which");
ABSL_FLAG(std::vector<std::string>, file, {}, "a list");

namespace forensics::schema {
namespace {

using ::testing::ElementsAre;
using ::testing::ExitedWithCode;

std::vector<std::string> Parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "/bin/tool");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return ParseCommandLineOrExit("Usage: tool\n", static_cast<int>(argv.size()), argv.data());
}

TEST(CommandLineTest, FlagsAndPositionals) {
  EXPECT_THAT(Parse({"a", "--count=7", "-loud", "--name", "x=y", "b", "--", "--count"}),
              ElementsAre("a", "b", "--count"));
  EXPECT_EQ(absl::GetFlag(FLAGS_count), 7);
  EXPECT_TRUE(absl::GetFlag(FLAGS_loud));
  EXPECT_EQ(absl::GetFlag(FLAGS_name), "x=y");
  Parse({"--noloud"});
  EXPECT_FALSE(absl::GetFlag(FLAGS_loud));
}

TEST(CommandLineTest, AListGrowsEachTimeItsFlagIsGiven) {
  Parse({"--file=a.pdf", "--file", "b.pdf,c.pdf", "--file=d.pdf"});
  EXPECT_THAT(absl::GetFlag(FLAGS_file), ElementsAre("a.pdf", "b.pdf", "c.pdf", "d.pdf"));
}

TEST(CommandLineDeathTest, WrongUsageExitsWithTwo) {
  EXPECT_EXIT(Parse({"--cuont=7"}), ExitedWithCode(kExitUsage), "tool: unknown flag --cuont");
  EXPECT_EXIT(Parse({"--nocount"}), ExitedWithCode(kExitUsage), "unknown flag --nocount");
  EXPECT_EXIT(Parse({"--count=many"}), ExitedWithCode(kExitUsage), "bad value 'many'.*--count");
  EXPECT_EXIT(Parse({"--name", "--loud"}), ExitedWithCode(kExitUsage), "--name needs a value");
  EXPECT_EXIT(Parse({"--name"}), ExitedWithCode(kExitUsage), "--name needs a value");
  EXPECT_EXIT(Parse({"--"
                     "count"}),
              ExitedWithCode(kExitUsage), "--count needs a value");
}

TEST(CommandLineDeathTest, HelpExitsWithZero) {
  EXPECT_EXIT(Parse({"--help"}), ExitedWithCode(kExitDone), "");
}

TEST(CommandLineTest, CommandsAreTypedAsTheProgramsAreThere) {
  const std::string bin = testing::TempDir() + "/bin";
  std::filesystem::create_directories(bin);
  for (const char* program : {"/exp0", "/fuse"}) std::ofstream(bin + program) << "program";
  const auto typed = [&bin](const std::string& text) { return AsTypedIn(bin, text); };
  EXPECT_EQ(typed("Next:  bazel run //collector:fuse"), "Next:  " + bin + "/fuse");
  EXPECT_EQ(
      typed("bazel run //collector:fuse -- r2\n  bazel run --config=cuda //runner:exp0 -- --x=y\n"),
      bin + "/fuse r2\n  " + bin + "/exp0 --x=y\n");
  EXPECT_EQ(typed("`bazel run //runner:exp0`, or"), "`" + bin + "/exp0`, or");
  for (const char* text :
       {"bazel run //runner:all -- x", "bazel run //runner:exp<N>", "`bazel run --config=cuda`",
        "bazel run //runner", "bazel run ", "bazel run //:", "nothing", ""}) {
    EXPECT_EQ(typed(text), text);
    EXPECT_EQ(AsTypedIn("", text), text);
  }
  EXPECT_EQ(AsTypedIn("", "bazel run //runner:exp0"), "bazel run //runner:exp0");
  EXPECT_EQ(AsTypedHere("bazel run //runner:exp0"), "bazel run //runner:exp0");
}

TEST(CommandLineTest, PathsAreWhereTheUserIs) {
  unsetenv("BUILD_WORKING_DIRECTORY");
  EXPECT_EQ(UserPath("a/b"), "a/b");
  setenv("BUILD_WORKING_DIRECTORY", "/home/me", 1);
  EXPECT_EQ(UserPath("../a"), "/home/a");
  EXPECT_EQ(UserPath("/x/y"), "/x/y");
  EXPECT_EQ(UserPath(""), "");
}

TEST(CommandLineTest, ExitCodes) {
  EXPECT_EQ(ReportAndExitCode("tool", absl::OkStatus()), kExitDone);
  EXPECT_EQ(ReportAndExitCode("tool", absl::InvalidArgumentError("x")), kExitFailed);
  EXPECT_EQ(ReportAndExitCode("tool", UsageError("x")), kExitUsage);
}

}  // namespace
}  // namespace forensics::schema
