#include "analyzer/testing/synthetic_library.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace forensics::analyzer {
namespace {

constexpr int kLayers = 3;
constexpr int kPositions = 12;
constexpr int kElements = 16;
constexpr int kAny = -1;

}  // namespace

SyntheticLibrary::Field SyntheticLibrary::Draw(double size) {
  size *= std::exp(sizes_.spread * normal_(random_));
  const double innovation = std::sqrt(1 - sizes_.correlation * sizes_.correlation);
  Field field;
  for (int layer = 0; layer < kLayers; ++layer) {
    const double gain = size * std::exp(sizes_.spread * normal_(random_));
    std::vector<double> state(kElements);
    for (double& element : state) element = normal_(random_);
    for (int position = 0; position < kPositions; ++position) {
      for (double& element : state) {
        element = sizes_.correlation * element + innovation * normal_(random_);
        field.push_back(static_cast<float>(gain * element));
      }
    }
  }
  return field;
}

const SyntheticLibrary::Field& SyntheticLibrary::EffectOf(int value, int hardware, double size) {
  const auto [entry, is_new] = effects_.try_emplace({value, hardware});
  if (!is_new) return entry->second;
  if (sizes_.value_spread > 0 && value > 0 && hardware == kAny) {
    size *= std::exp(sizes_.value_spread * normal_(random_));
  }
  entry->second = Draw(size);
  return entry->second;
}

void SyntheticLibrary::Add(int value, int hardware) {
  Field field = EffectOf(kAny, kAny, 10);
  for (const Field* effect :
       {&EffectOf(value, kAny, value == 0 ? 0 : sizes_.value), &EffectOf(kAny, hardware, 1),
        &EffectOf(value, hardware, sizes_.interaction)}) {
    for (size_t i = 0; i < field.size(); ++i) field[i] += (*effect)[i];
  }
  Configuration configuration;
  configuration.config_id = absl::StrCat("GPU", hardware, "_", value);
  configuration.hardware = absl::StrCat("GPU ", hardware);
  configuration.variable_value = static_cast<int64_t>(value);
  RunRecord run;
  run.config_id = configuration.config_id;
  auto element = field.begin();
  for (int layer = 0; layer < kLayers; ++layer) {
    for (int step = 0; step < kPositions; ++step) {
      run.steps[step].token_id = 100 + step;
      const auto end = element + kElements;
      run.vectors[{SignalKind::kHiddenStates, layer}][{step, -1}] =
          std::make_shared<const std::vector<float>>(element, end);
      element = end;
    }
  }
  configurations_.push_back(std::move(configuration));
  runs_.push_back(std::move(run));
}

}  // namespace forensics::analyzer
