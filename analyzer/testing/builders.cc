#include "analyzer/testing/builders.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

#include "gtest/gtest.h"

namespace forensics::analyzer {

void SetVector(RunRecord& run, const SignalId& signal, const Timepoint& at,
               std::vector<float> values) {
  run.vectors[signal][at] = std::make_shared<const std::vector<float>>(std::move(values));
}

RunRecord MakeRun(const std::string& config_id, const RunShape& shape) {
  RunRecord run;
  run.config_id = config_id;
  run.rep_id = shape.rep_id;
  for (int step = 0; step < shape.steps; ++step) {
    run.steps[step].token_id = 100 + step;
    for (int position = -3; position <= -1; ++position) {
      const Timepoint at{step, position};
      const float computed = static_cast<float>(at.Computed());
      for (int layer = 1; layer <= 2; ++layer) {
        SetVector(run, {SignalKind::kHiddenStates, layer}, at,
                  {shape.offset, 8, computed, static_cast<float>(layer)});
        SetVector(run, {SignalKind::kKeyVectors, layer}, at, {shape.offset / 2, computed});
      }
      run.log_probs[at] = {{7, 8, 9}, {-1 - shape.offset, -2, -3}};
    }
  }
  return run;
}

Configuration MakeConfiguration(const std::string& config_id, const std::string& hardware,
                                const JsonScalar& value) {
  Configuration configuration;
  configuration.config_id = config_id;
  configuration.hardware = hardware;
  configuration.variable_value = value;
  return configuration;
}

Experiment MakeExperiment(const std::string& type, const std::string& variable) {
  Experiment experiment;
  experiment.path = type + "_experiment.json";
  experiment.type = type;
  experiment.variable = variable;
  experiment.layers = {1, 2};
  experiment.positions = {-3, -2, -1};
  experiment.decode_steps = 3;
  return experiment;
}

void AddRun(Experiment& experiment, const std::string& config_id, const std::string& hardware,
            const JsonScalar& value, float offset) {
  experiment.configurations.push_back(MakeConfiguration(config_id, hardware, value));
  RunShape shape;
  shape.offset = offset;
  experiment.runs.push_back(MakeRun(config_id, shape));
}

Experiment MakeAttentionExperiment() {
  Experiment experiment = MakeExperiment("attention", "attention_impl");
  const std::string flash = "flash_attention_2", eager = "eager";
  AddRun(experiment, "A100_fa2", "A100-80GB", flash, 0);
  AddRun(experiment, "A100_eager", "A100-80GB", eager, 8);
  AddRun(experiment, "H100_fa2", "H100", flash, 0.5);
  AddRun(experiment, "H100_eager", "H100", eager, 8.75);
  return experiment;
}

std::string WriteTestFile(const std::string& name, const std::string& text) {
  const std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
  return path.string();
}

}  // namespace forensics::analyzer
