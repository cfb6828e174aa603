#include "runner/model/rotary_embedding.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <cmath>

namespace forensics::runner {
namespace {

float ScaleFrequency(float frequency, const Llama3RopeScaling& scaling) {
  const double context = static_cast<double>(scaling.original_max_position_embeddings);
  const float wavelength = static_cast<float>(2 * M_PI) / frequency;
  const float scaled = frequency / static_cast<float>(scaling.factor);
  if (wavelength > context / scaling.low_freq_factor) return scaled;
  if (wavelength < context / scaling.high_freq_factor) return frequency;
  const float smooth =
      (static_cast<float>(context) / wavelength - static_cast<float>(scaling.low_freq_factor)) /
      static_cast<float>(scaling.high_freq_factor - scaling.low_freq_factor);
  return (1 - smooth) * frequency / static_cast<float>(scaling.factor) + smooth * frequency;
}

}  // namespace

std::vector<float> RotaryFrequencies(const ModelConfig& config) {
  std::vector<float> frequencies(config.head_dim / 2);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(config.head_dim);
    const float power = static_cast<float>(std::pow(config.rope_theta, exponent));
    frequencies[i] = 1.0f / power;
    if (config.rope_scaling.has_value()) {
      frequencies[i] = ScaleFrequency(frequencies[i], *config.rope_scaling);
    }
  }
  return frequencies;
}

RotaryTable MakeRotaryTable(const std::vector<float>& frequencies, int64_t positions,
                            at::ScalarType dtype) {
  const int64_t half = static_cast<int64_t>(frequencies.size());
  at::Tensor cos = at::empty({positions, half}, at::kFloat), sin = at::empty_like(cos);
  float* cosines = cos.mutable_data_ptr<float>();
  float* sines = sin.mutable_data_ptr<float>();
  for (int64_t t = 0; t < positions; ++t) {
    for (int64_t i = 0; i < half; ++i) {
      const double angle = static_cast<float>(t) * frequencies[i];
      *cosines++ = static_cast<float>(std::cos(angle));
      *sines++ = static_cast<float>(std::sin(angle));
    }
  }
  return {cos.to(dtype).to(at::kFloat), sin.to(dtype).to(at::kFloat)};
}

}  // namespace forensics::runner
