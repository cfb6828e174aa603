#include "testdata/synthesis/weight_scale.h"

#include <cmath>
#include <cstdint>

#include "absl/strings/match.h"

namespace forensics::synthesis {
namespace {

constexpr double kLogitDeviation = 2.5;
// Of router logits: the best eight of 128 weigh 0.5 to 0.03. With a smaller one the last ones would
// weigh more, and rounding that swaps them for others would change more.
constexpr double kRouterDeviation = 2.5;
// The scores' standard deviation is its square, 2.25: of N positions with independent keys about
// N / exp(2.25^2) carry a query's attention.
constexpr double kQueryKeyScale = 1.5;
// Of SwiGLU on two unit normal numbers: root mean square 0.6.
constexpr double kSwigluGain = 1 / 0.6;
// Of the weighted sum of independent experts' outputs: root mean square 0.53.
constexpr double kExpertsGain = 1 / 0.53;

// What a block's last layer multiplies a vector of unit size by.
double BlockGain(const runner::ModelConfig& config) {
  return ResidualScale(config) / std::sqrt(2.0 * static_cast<double>(config.num_hidden_layers));
}

double Gain(const runner::ModelConfig& config, absl::string_view name) {
  if (name == "lm_head") return kLogitDeviation;
  if (absl::EndsWith(name, ".mlp.gate")) return kRouterDeviation;
  if (absl::EndsWith(name, ".o_proj")) return BlockGain(config);
  if (absl::EndsWith(name, ".down_proj")) {
    return kSwigluGain * BlockGain(config) *
           (absl::StrContains(name, ".experts.") ? kExpertsGain : 1);
  }
  const bool scores = absl::EndsWith(name, ".q_proj") || absl::EndsWith(name, ".k_proj");
  return scores && !config.qk_norm ? kQueryKeyScale : 1;
}

}  // namespace

double ResidualScale(const runner::ModelConfig& config) {
  if (!config.tie_word_embeddings) return 1;
  return kLogitDeviation / std::sqrt(static_cast<double>(config.hidden_size));
}

double LinearScale(const runner::ModelConfig& config, absl::string_view name,
                   const runner::LinearLayer& layer) {
  return Gain(config, name) / std::sqrt(static_cast<double>(layer.in_features));
}

Spread VectorSpread(absl::string_view name) {
  if (absl::EndsWith(name, ".bias")) return {0, 0.1};
  if (absl::EndsWith(name, ".q_norm.weight") || absl::EndsWith(name, ".k_norm.weight")) {
    return {kQueryKeyScale, 0.2};
  }
  return {1, 0.1};
}

}  // namespace forensics::synthesis
