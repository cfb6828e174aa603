// What a command of many files keeps of their structure is one budget's, not one a file.
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "analyzer/attribute.h"
#include "analyzer/testing/builders.h"
#include "analyzer/testing/peak_memory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// An experiment of one run with so many empty steps, of 192 bytes and more each.
std::string WriteHollow(const std::string& name, int steps) {
  std::string text =
      absl::StrCat(R"({"experiment_metadata":{"experiment_type":"x","variable_tested":"v"},)",
                   R"("configurations":[{"config_id":"c","hardware":")", name,
                   R"(","variable_value":1}],)", R"("runs":[{"config_id":"c","decode_steps":[{})");
  for (int i = 1; i < steps; ++i) text += ",{}";
  return WriteTestFile(absl::StrCat("library/", name, ".json"), text + "]}]}");
}

TEST(AttributeMemory, LibraryFilesShareOneBudget) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps what is freed";
#endif
  constexpr int kFiles = 8, kSteps = 1'000'000;
  AttributeOptions options;
  options.unknown = WriteHollow("unknown", 1);
  for (int i = 0; i < kFiles; ++i) {
    options.library.push_back(WriteHollow(absl::StrCat("hardware_", i), kSteps));
  }
  options.format = AttributionFormat::kJson;
  if (!ResetPeak()) GTEST_SKIP() << "the peak of memory cannot be set back here";
  const size_t before = PeakBytes();
  std::ostringstream out, log;
  const absl::StatusOr<AttributeOutcome> outcome = AttributeUnknown(options, out, log);
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(outcome->failed, IsEmpty()) << "each file has room once those before it are gone";
  EXPECT_THAT(out.str(), HasSubstr("\"library_incomplete\": true"));
  // All together would hold 112 bytes a step and more: 900 MB.
  EXPECT_LT(PeakBytes() - before, size_t{600} << 20);
}

}  // namespace
}  // namespace forensics::analyzer
