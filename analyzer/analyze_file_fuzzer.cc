// Whatever can be read can be analysed and written: each file of a report, and JSON is JSON.
// Half of the inputs are made of a sound one by an odd number or a part that is missing or there
// twice: changed bytes seldom are JSON.
#include <cstdint>
#include <cstring>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/analysis/significance.h"
#include "analyzer/analyze_file.h"
#include "analyzer/report/html/html_report.h"
#include "analyzer/report/json_reports.h"
#include "analyzer/report/text_reports.h"
#include "analyzer/report/tidy_files.h"
#include "analyzer/report/tidy_table.h"
#include "rapidjson/document.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"
#include "tools/fuzzing/fuzz_input.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using forensics::analyzer::ExperimentReport;
using forensics::fuzzing::Expect;
using forensics::fuzzing::InputFile;

constexpr double kOddNumbers[] = {0,    -0.0,  1,       -1,   2,      1e-45, 1e38, -3.4e38,
                                  4e38, 1e300, -1e-300, 1e78, 1e-160, 1e154, 12,   2147483648.0};

// Changes one part of a JSON document, each with the same probability.
class Change {
 public:
  Change(rapidjson::Document& document, uint32_t seed) : document_(document), random_(seed) {
    std::vector<rapidjson::Value*> parts = {&document};
    for (size_t i = 0; i < parts.size(); ++i) {
      if (parts[i]->IsArray()) {
        for (rapidjson::Value& element : parts[i]->GetArray()) parts.push_back(&element);
      } else if (parts[i]->IsObject()) {
        for (auto& member : parts[i]->GetObject()) parts.push_back(&member.value);
      }
    }
    Apply(*parts[Below(parts.size())]);
  }

 private:
  size_t Below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }

  void Apply(rapidjson::Value& part) {
    if (part.IsArray() && !part.Empty()) {
      const auto element = part.Begin() + static_cast<std::ptrdiff_t>(Below(part.Size()));
      if (Below(2) == 0) {
        part.Erase(element);
      } else {
        part.PushBack(rapidjson::Value(*element, document_.GetAllocator()),
                      document_.GetAllocator());
      }
    } else if (part.IsObject() && !part.ObjectEmpty()) {
      part.EraseMember(part.MemberBegin() + static_cast<std::ptrdiff_t>(Below(part.MemberCount())));
    } else if (part.IsInt() && Below(2) == 0) {
      part.SetInt(static_cast<int>(Below(4)));
    } else if (Below(8) == 0) {
      part.SetNull();
    } else {
      part.SetDouble(kOddNumbers[Below(std::size(kOddNumbers))]);
    }
  }

  rapidjson::Document& document_;
  std::mt19937 random_;
};

void ExpectJson(const std::string& text) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
  Expect(!document.HasParseError(), "a report is JSON", text);
}

void ExpectIdenticalIsWithoutDivergence(const ExperimentReport& report) {
  for (const forensics::analyzer::ConfigurationPair* pair : report.PairsWithin()) {
    if (!pair->identical()) continue;
    Expect(!pair->comparison->FirstDivergence().has_value(), "identical is without a divergence");
    Expect(pair->MeanL2(report.headline).value_or(0) == 0, "identical is without a distance");
  }
}

void WriteAll(const std::vector<ExperimentReport>& reports) {
  const std::string analysis_reports = AnalysisReportsJson(reports);
  const std::string summary = SummaryJson(reports);
  ExpectJson(analysis_reports);
  ExpectJson(summary);
  forensics::analyzer::HtmlReport(analysis_reports, summary);
  SummaryTable(reports);
  TidyTable(reports);
  PhaseTable(reports);
  for (const forensics::analyzer::TidyFile& file : forensics::analyzer::TidyFiles()) {
    file.text(reports);
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  rapidjson::Document document;
  if (seed % 2 == 0) document.Parse(reinterpret_cast<const char*>(data), size);
  if (seed % 2 == 1 || document.HasParseError()) return LLVMFuzzerMutate(data, size, max_size);
  const Change change(document, seed);
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> writer(text);
  document.Accept(writer);
  if (text.GetSize() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, text.GetString(), text.GetSize());
  return text.GetSize();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const InputFile file({reinterpret_cast<const char*>(data), size});
  forensics::analyzer::StatisticsOptions statistics;
  statistics.resampling.resamples = 19;
  absl::StatusOr<ExperimentReport> report =
      forensics::analyzer::AnalyzeFile(file.path(), statistics, nullptr);
  if (!report.ok()) return 0;
  ExpectIdenticalIsWithoutDivergence(*report);
  std::vector<ExperimentReport> reports;
  reports.push_back(*std::move(report));
  AdjustAcrossExperiments(reports);
  WriteAll(reports);
  return 0;
}
