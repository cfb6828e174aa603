#include "pods/configurations.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "schema/atomic_file.h"
#include "schema/list_directory.h"
#include "schema/run.pb.h"

namespace forensics::pods {
namespace {

// The runner is not linked here: its experiments are the measure.
TEST(ConfigurationsTest, AreThoseOfTheRunnersExperiments) {
  const auto files = schema::ListDirectory("runner/experiments");
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_EQ(files->size(), static_cast<size_t>(kLastExperiment + 1));
  for (const auto& file : *files) {
    const auto text = schema::ReadFile(file.path().string());
    ASSERT_TRUE(text.ok()) << text.status();
    schema::ExperimentSpec spec;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(*text, &spec)) << file.path();
    std::vector<std::string> suffixes;
    for (const schema::VariantSpec& variant : spec.variants()) {
      suffixes.push_back(variant.config_suffix());
    }
    if (spec.id() == 0) suffixes = {spec.reference().config_suffix()};
    EXPECT_EQ(ConfigurationsOf(spec.id()), suffixes) << file.path();
  }
}

TEST(ConfigurationsTest, SuffixesOfCudaVersions) { EXPECT_EQ(CudaSuffix("11.8"), "cu118"); }

}  // namespace
}  // namespace forensics::pods
