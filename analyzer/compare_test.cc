#include "analyzer/compare.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Text(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

// A folder of the test's own, empty at first.
class Folder {
 public:
  explicit Folder(const std::string& name) : path_(fs::path(::testing::TempDir()) / name) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }

  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

  std::string Add(const std::string& file, const std::string& text) const {
    return WriteTestFile((fs::path(path_.filename()) / file).string(), text);
  }
  std::string AddExperiment(const std::string& file, const std::string& type) const {
    return Add(file, absl::StrCat(R"({"experiment_metadata":{"experiment_type":")", type,
                                  R"(","variable_tested":"v"},"configurations":[],"runs":[]})"));
  }

 private:
  fs::path path_;
};

struct Result {
  absl::StatusOr<CompareOutcome> outcome;
  std::string out;
  std::string log;
};

Result CompareFiles(const std::vector<std::string>& inputs, const std::string& output,
                    const std::string& tidy = "", TableFormat format = TableFormat::kTable) {
  std::ostringstream out, log;
  Result result{Compare({inputs, output, tidy, format}, out, log), "", ""};
  result.out = out.str();
  result.log = log.str();
  return result;
}

TEST(Compare, ADirectorysFilesInThePlansOrderWithTheMissingOnesNamed) {
  const Folder folder("plan");
  folder.AddExperiment("zeta_experiment.json", "zeta");  // one that was added later
  folder.AddExperiment("quantization_experiment.json", "quantization");
  folder.AddExperiment("batch_size_experiment.json", "batch_size");
  folder.AddExperiment("reference_baseline.json", "reference");
  folder.Add("notes.json", "not an experiment");
  const Result result = CompareFiles({folder.path()}, folder / "report");
  ASSERT_TRUE(result.outcome.ok()) << result.outcome.status();
  EXPECT_EQ(result.outcome->analysed, 4);
  EXPECT_THAT(result.outcome->failed, IsEmpty());
  const std::string summary = Text(folder / "report/summary.json");
  size_t position = 0;
  for (const char* type : {"reference", "batch_size", "quantization", "zeta"}) {
    const size_t found = summary.find(absl::StrCat("\"experiment\": \"", type, "\""));
    EXPECT_GE(found, position) << type;
    EXPECT_NE(found, std::string::npos) << type;
    position = found;
  }
  EXPECT_THAT(result.log, AllOf(HasSubstr("compile_experiment.json, "),
                                HasSubstr("expert_parallel_experiment.json"),
                                HasSubstr(" (not found)\n"), Not(ContainsRegex("Skip(.|\n)*Skip")),
                                Not(HasSubstr("batch_size")), Not(HasSubstr("notes"))));
}

TEST(Compare, WritesReportsAndTheTable) {
  const Folder folder("reports");
  const std::string file = folder.AddExperiment("any name.json", "batch_size");
  const Result result = CompareFiles({file}, folder / "new/report", folder / "other/tidy.tsv");
  ASSERT_TRUE(result.outcome.ok()) << result.outcome.status();
  EXPECT_THAT(result.out, HasSubstr("DETECTABILITY SUMMARY"));
  EXPECT_THAT(Text(folder / "new/report/analysis_reports.json"), HasSubstr("\"batch_size\""));
  EXPECT_TRUE(fs::exists(folder / "other/tidy.tsv"));
}

TEST(Compare, PrintsTheSummaryAsJson) {
  const Folder folder("json");
  const std::string file = folder.AddExperiment("a.json", "batch_size");
  const Result result = CompareFiles({file}, folder / "report", "", TableFormat::kJson);
  EXPECT_EQ(result.out, Text(folder / "report/summary.json"));
}

TEST(Compare, WritesAPageAndPrintsItIfAsked) {
  const Folder folder("page");
  const std::string file = folder.AddExperiment("a.json", "batch_size");
  const Result result = CompareFiles({file}, folder / "report", "", TableFormat::kHtml);
  EXPECT_EQ(result.out, Text(folder / "report/report.html"));
  EXPECT_THAT(result.out, HasSubstr("href=\"#experiment-0\">batch_size</a>"));
}

TEST(Compare, ADamagedFileIsNamedAndTheOthersAreStillAnalysed) {
  const Folder folder("damaged");
  folder.AddExperiment("batch_size_experiment.json", "batch_size");
  folder.Add("compile_experiment.json", "{\"runs\": [");
  folder.AddExperiment("tensor_parallel_experiment.json", "tensor_parallel");
  const Result result = CompareFiles({folder.path()}, folder / "report");
  ASSERT_TRUE(result.outcome.ok()) << result.outcome.status();
  EXPECT_EQ(result.outcome->analysed, 2);
  EXPECT_THAT(result.outcome->failed,
              ElementsAre(AllOf(HasSubstr("compile_experiment.json: byte 10, line 1, at /runs"),
                                HasSubstr("the file is truncated"))));
  EXPECT_THAT(result.log, HasSubstr("compile_experiment.json: byte 10"));
  EXPECT_THAT(Text(folder / "report/analysis_reports.json"), HasSubstr("tensor_parallel"));
}

TEST(Compare, AFileThatIsNotThereIsNamedAndTheOthersAreStillAnalysed) {
  const Folder folder("absent");
  const std::string file = folder.AddExperiment("a.json", "batch_size");
  const Result result = CompareFiles({folder / "absent.json", file}, folder / "report");
  ASSERT_TRUE(result.outcome.ok());
  EXPECT_EQ(result.outcome->analysed, 1);
  EXPECT_THAT(result.outcome->failed,
              ElementsAre(HasSubstr("absent.json: no such file or directory")));
}

TEST(Compare, AFileUnderManyNamesIsOneExperiment) {
  const Folder folder("twice");
  const std::string file = folder.AddExperiment("x_experiment.json", "x");
  fs::create_symlink(file, folder / "link.json");
  fs::create_directories(folder / "d");
  const Result result =
      CompareFiles({file, folder / "d/../x_experiment.json", folder / "link.json", folder.path()},
                   folder / "report");
  ASSERT_TRUE(result.outcome.ok()) << result.outcome.status();
  EXPECT_EQ(result.outcome->analysed, 1);
  EXPECT_THAT(result.log,
              HasSubstr(absl::StrCat(folder / "link.json", ": the same file as ", file)));
}

TEST(Compare, NothingToAnalyseIsAnError) {
  const Folder folder("empty");
  const Result empty = CompareFiles({folder.path()}, folder / "report");
  EXPECT_THAT(std::string(empty.outcome.status().message()),
              HasSubstr(absl::StrCat("no experiment files in ", folder.path())));
  folder.AddExperiment("my_results.json", "x");
  EXPECT_THAT(
      std::string(CompareFiles({folder.path()}, folder / "report").outcome.status().message()),
      HasSubstr("of a directory, reference_baseline.json and *_experiment.json are taken"));
  EXPECT_FALSE(fs::exists(folder / "report"));
  EXPECT_FALSE(CompareFiles({folder / "nowhere"}, folder / "report").outcome.ok());
}

TEST(Compare, WithDamagedFilesAloneAnOlderReportStaysAsItIs) {
  const Folder folder("all damaged");
  const std::string good = folder.AddExperiment("good.json", "batch_size");
  const std::string bad = folder.Add("bad.json", "{\"runs\": [");
  ASSERT_TRUE(CompareFiles({good}, folder / "report", folder / "tidy").outcome.ok());
  const std::string reports = Text(folder / "report/analysis_reports.json");
  const std::string summary = Text(folder / "report/summary.json");
  std::ofstream(folder / "tidy") << "old";
  const Result result = CompareFiles({bad}, folder / "report", folder / "tidy");
  EXPECT_THAT(std::string(result.outcome.status().message()),
              AllOf(HasSubstr("none of 1 experiment file could"), HasSubstr("is as it was")));
  EXPECT_THAT(result.log, HasSubstr("bad.json: byte"));
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_EQ(Text(folder / "report/analysis_reports.json"), reports);
  EXPECT_EQ(Text(folder / "report/summary.json"), summary);
  EXPECT_EQ(Text(folder / "tidy"), "old");
}

TEST(Compare, WithAFileThatCannotBeWrittenNoneIs) {
  const Folder folder("blocked");
  const std::string file = folder.AddExperiment("a.json", "batch_size");
  for (const char* blocked :
       {"report/analysis_reports.json", "report/report.html", "tables/roc.tsv"}) {
    fs::remove_all(folder / "report");
    fs::remove_all(folder / "tables");
    fs::create_directories(absl::StrCat(folder / blocked, "/in the way"));
    CompareOptions options{{file}, folder / "report", folder / "tidy"};
    options.tidy_folder = folder / "tables";
    std::ostringstream out, log;
    EXPECT_THAT(std::string(Compare(options, out, log).status().message()), HasSubstr(blocked));
    EXPECT_FALSE(fs::exists(folder / "report/summary.json")) << blocked;
    EXPECT_FALSE(fs::exists(folder / "tables/summary.tsv")) << blocked;
    EXPECT_FALSE(fs::exists(folder / "tidy")) << blocked;
  }
}

TEST(Compare, AnInputOrAnotherOutputIsNotOverwritten) {
  const Folder folder("overwritten");
  const std::string file = folder.AddExperiment("a.json", "batch_size");
  const std::string before = Text(file);
  for (const std::string& tidy :
       {folder.path() + "/../overwritten/a.json", folder / "report/report.html"}) {
    const Result result = CompareFiles({file}, folder / "report", tidy);
    EXPECT_THAT(std::string(result.outcome.status().message()),
                HasSubstr(absl::StrCat("--tidy: ", tidy, " is the same file as ")));
  }
  EXPECT_EQ(Text(file), before);
  EXPECT_FALSE(fs::exists(folder / "report"));
}

TEST(Compare, ASummaryThatCannotBePrintedIsAnError) {
  const Folder folder("full");
  const std::string file = folder.AddExperiment("a.json", "batch_size");
  std::ofstream full("/dev/full");
  std::ostringstream log;
  const auto outcome = Compare({{file}, folder / "report", "", TableFormat::kTable}, full, log);
  EXPECT_THAT(std::string(outcome.status().message()), HasSubstr("standard output"));
}

TEST(Compare, AReportThatCannotBeWrittenIsAnError) {
  const Folder folder("unwritable");
  const std::string file = folder.AddExperiment("a.json", "batch_size");
  const Result result = CompareFiles({file}, file + "/report");
  EXPECT_THAT(std::string(result.outcome.status().message()), HasSubstr("report"));
}

TEST(Compare, TellsFilesOfOneExperimentApart) {
  const Folder folder("apart");
  const std::string a = folder.AddExperiment("a/v_experiment.json", "v");
  const std::string b = folder.AddExperiment("b/v_experiment.json", "v");
  const std::string name = absl::StrCat("v (", b, ")");
  const Result result = CompareFiles({a, b}, folder / "report");
  EXPECT_THAT(result.out, HasSubstr(absl::StrCat("\n", name, " ")));
  EXPECT_THAT(Text(folder / "report/analysis_reports.json"),
              HasSubstr(absl::StrCat("\"", name, "\": {")));
}

TEST(Compare, NamesTheDirectoryOfWhatIsLackingWhereThereAreTwo) {
  const Folder a("lacking_a"), b("lacking_b");
  a.AddExperiment("reference_baseline.json", "reference");
  b.AddExperiment("batch_size_experiment.json", "batch_size");
  EXPECT_THAT(
      CompareFiles({a.path(), b.path()}, a / "report").log,
      AllOf(HasSubstr(a / "batch_size_experiment.json"), HasSubstr(b / "reference_baseline.json")));
}

}  // namespace
}  // namespace forensics::analyzer
