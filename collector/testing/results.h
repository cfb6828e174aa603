// What the collector's tests have in common: a results folder to fill, and files read back.
#ifndef COLLECTOR_TESTING_RESULTS_H_
#define COLLECTOR_TESTING_RESULTS_H_

#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "schema/atomic_file.h"
#include "schema/testing/synthetic_run.h"

namespace forensics::collector {

class ResultsTest : public testing::Test {
 protected:
  ResultsTest()
      : folder_(absl::StrCat(testing::TempDir(), "/",
                             testing::UnitTest::GetInstance()->current_test_info()->name())),
        results_(folder_ + "/results") {
    std::filesystem::remove_all(folder_);
  }

  // Writes the run below `results` and returns its manifest.
  schema::RunManifest Write(const schema::SyntheticRun& run, const std::string& results) {
    const auto directory = schema::WriteSyntheticRun(run, results);
    EXPECT_TRUE(directory.ok()) << directory.status();
    const auto manifest = directory->ReadManifest();
    EXPECT_TRUE(manifest.ok()) << manifest.status();
    return *manifest;
  }
  schema::RunManifest Write(const schema::SyntheticRun& run) { return Write(run, results_); }

  // The variants of an experiment, fed the reference's tokens.
  void WriteVariants(const std::string& experiment, const schema::RunManifest& reference,
                     const std::string& results) {
    schema::SyntheticRun run;
    run.hardware = reference.hardware();
    run.experiment = schema::SyntheticExperiment(experiment);
    run.reference = &reference;
    run.noise = 1e-3;
    for (run.variant = 0; run.variant < run.experiment.variants_size(); ++run.variant) {
      run.noise_seed = static_cast<uint64_t>(run.variant + 1);
      Write(run, results);
    }
  }
  void WriteVariants(const std::string& experiment, const schema::RunManifest& reference) {
    WriteVariants(experiment, reference, results_);
  }

  static rapidjson::Document Parse(const std::string& path) {
    const absl::StatusOr<std::string> text = schema::ReadFile(path);
    EXPECT_TRUE(text.ok()) << text.status();
    rapidjson::Document document;
    document.Parse<rapidjson::kParseFullPrecisionFlag>(text->c_str());
    EXPECT_FALSE(document.HasParseError()) << path;
    return document;
  }

  const std::string folder_;
  const std::string results_;
};

}  // namespace forensics::collector

#endif  // COLLECTOR_TESTING_RESULTS_H_
