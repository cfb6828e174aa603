#include "runner/experiment_spec.h"

#include <filesystem>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "schema/atomic_file.h"

namespace forensics::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Reference() {
  return schema::ReadFile("runner/experiments/reference.textproto").value();
}

TEST(ExperimentSpecTest, TheReferenceRunsItself) {
  const auto spec = ParseExperimentSpec(Reference());
  ASSERT_TRUE(spec.ok()) << spec.status();
  const auto configurations = ConfigurationsOf(*spec);
  ASSERT_EQ(configurations.size(), 1u);
  EXPECT_EQ(configurations[0].suffix, "reference");
  EXPECT_EQ(configurations[0].value.string_value(), "baseline");
  EXPECT_EQ(configurations[0].config.attention_impl(), "flash_attention_2");
  EXPECT_EQ(spec->prompt().document_tokens(), 6000);
}

TEST(ExperimentSpecTest, AnExperimentRunsItsVariantsWithTheirOverrides) {
  const auto spec = ParseExperimentSpec(Reference() + R"(
      variants { value { number_value: 2 } config_suffix: "bs2" overrides { batch_size: 2 } }
      variants { value { number_value: 4 } config_suffix: "bs4" overrides { batch_size: 4 } })");
  ASSERT_TRUE(spec.ok()) << spec.status();
  const auto configurations = ConfigurationsOf(*spec);
  ASSERT_EQ(configurations.size(), 2u);
  EXPECT_EQ(configurations[1].config.batch_size(), 4);
  EXPECT_EQ(configurations[1].config.quant_method(), "awq");
  EXPECT_EQ(configurations[1].value.number_value(), 4);
}

TEST(ExperimentSpecTest, QuantizationAloneComparesFormats) {
  for (const auto& file : std::filesystem::directory_iterator("runner/experiments")) {
    const auto spec = ParseExperimentSpec(schema::ReadFile(file.path().string()).value());
    ASSERT_TRUE(spec.ok()) << file.path() << spec.status();
    EXPECT_EQ(ComparesFormats(*spec), spec->name() == "quantization") << file.path();
  }
}

TEST(ExperimentSpecTest, TextThatIsNotUtf8IsNamedByItsField) {
  const std::pair<const char*, const char*> cases[] = {
      {R"(variants { config_suffix: "\xff" })",
       "experiment spec: variants.config_suffix: text that is not UTF-8"},
      {R"(variants { value { list_value { values { string_value: "\xed\xa0\x80" } } } })",
       "experiment spec: variants.value.list_value.values.string_value: text that is not UTF-8"}};
  for (const auto& [text, error] : cases) {
    EXPECT_EQ(std::string(ParseExperimentSpec(Reference() + text).status().message()), error);
  }
}

// An experiment changes its variable and nothing else.
TEST(ExperimentSpecTest, AllExperimentsShareTheReference) {
  const auto reference = ParseExperimentSpec(Reference());
  ASSERT_TRUE(reference.ok());
  std::set<int> ids;
  for (const auto& file : std::filesystem::directory_iterator("runner/experiments")) {
    const auto spec = ParseExperimentSpec(schema::ReadFile(file.path().string()).value());
    ASSERT_TRUE(spec.ok()) << file.path() << spec.status();
    EXPECT_TRUE(ids.insert(spec->id()).second) << file.path() << ": id " << spec->id();
    schema::ExperimentSpec common = *spec;
    common.set_id(reference->id());
    common.set_name(reference->name());
    common.set_variable(reference->variable());
    common.set_output_file(reference->output_file());
    *common.mutable_reference() = reference->reference();
    common.clear_variants();
    EXPECT_EQ(common.DebugString(), reference->DebugString()) << file.path();
  }
}

TEST(ExperimentSpecTest, TheOneThatTheDocumentationAddsIsSound) {
  const std::string page = schema::ReadFile("docs/adding_an_experiment.md").value();
  const std::string opening = "```textproto\n";
  const size_t begin = page.find(opening) + opening.size();
  const auto spec = ParseExperimentSpec(page.substr(begin, page.find("```", begin) - begin));
  ASSERT_TRUE(spec.ok()) << spec.status();
  const auto configurations = ConfigurationsOf(*spec);
  ASSERT_EQ(configurations.size(), 1u);
  EXPECT_EQ(configurations[0].config.dtype(), "bfloat16");
  EXPECT_EQ(spec->DebugString().substr(spec->DebugString().find("reference_config")),
            ParseExperimentSpec(Reference())
                ->DebugString()
                .substr(ParseExperimentSpec(Reference())->DebugString().find("reference_config")));
}

TEST(ExperimentSpecTest, BadSpecsAreRefusedByName) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"decode_steps: many", "line 1, column 15"},
      {"no_such_field: 1", "no_such_field"},
      {"", "name is missing"},
      {Reference() + "decode_steps: 0", "specified multiple times"},
      {Reference() + "variants { config_suffix: \"reference\" }", "'reference' occurs twice"},
      {Reference() + "variants { }", "config_suffix is missing"},
  };
  for (const auto& [text, message] : cases) {
    const absl::Status status = ParseExperimentSpec(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  }
}

TEST(ExperimentSpecTest, LayersAreResolved) {
  schema::ExtractionConfig extraction;
  for (const int layer : {-1, 12, 1, 2, 4, 12}) extraction.add_layers(layer);
  extraction.set_window(3);
  EXPECT_THAT(ResolveExtraction(extraction, 48)->layers(), ElementsAre(1, 2, 4, 12, 47));
  EXPECT_THAT(ResolveExtraction(extraction, 14)->layers(), ElementsAre(1, 2, 4, 12, 13));
  EXPECT_THAT(ResolveExtraction(extraction, 13)->layers(), ElementsAre(1, 2, 4, 12));
  EXPECT_THAT(ResolveExtraction(extraction, 3)->layers(), ElementsAre(1, 2));
  EXPECT_EQ(ResolveExtraction(extraction, 3)->window(), 3);
  extraction.clear_layers();
  extraction.add_layers(9);
  EXPECT_FALSE(ResolveExtraction(extraction, 3).ok());
}

}  // namespace
}  // namespace forensics::runner
