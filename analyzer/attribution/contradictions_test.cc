#include "analyzer/attribution/contradictions.h"

#include <string>
#include <utility>
#include <vector>

#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A file's runs of gptq, each with its hardware and offset.
Experiment File(const std::string& path,
                const std::vector<std::pair<std::string, float>>& hardware) {
  Experiment experiment = MakeExperiment("quantization", "quant_method");
  experiment.path = path;
  for (const auto& [name, offset] : hardware) {
    AddRun(experiment, name + "_gptq", name, std::string("gptq"), offset);
  }
  return experiment;
}

std::vector<std::string> FoundIn(std::vector<Experiment> files) {
  Library library({});
  for (Experiment& file : files) library.Add(std::move(file));
  return Contradictions(library);
}

TEST(Contradictions, AreOtherBitsOfOneSetupOnOneHardware) {
  EXPECT_THAT(FoundIn({File("a.json", {{"Box", 0}}), File("b.json", {{"Box", 1}})}),
              ElementsAre(HasSubstr("Box_gptq in a.json and Box_gptq in b.json are both "
                                    "quant_method=gptq on Box, with other bits or tokens")));
}

TEST(Contradictions, AreNamedOnceForASetupOnAHardware) {
  EXPECT_THAT(FoundIn({File("a.json", {{"Box", 0}, {"Cube", 5}}), File("b.json", {{"Box", 1}}),
                       File("c.json", {{"Box", 2}, {"Cube", 6}})}),
              ElementsAre(HasSubstr("on Box"), HasSubstr("on Cube")));
}

TEST(Contradictions, AreNotTheSameBitsNorOtherHardware) {
  EXPECT_THAT(FoundIn({File("a.json", {{"Box", 0}, {"Cube", 1}}), File("b.json", {{"Box", 0}})}),
              IsEmpty());
}

}  // namespace
}  // namespace forensics::analyzer
