// How large random weights must be for a decoder to compute numbers of a trained one's size.
//
// The residual stream starts with root mean square ResidualScale and grows by a third to a half
// over all layers, as each block adds a vector of up to ResidualScale / sqrt(2 * layers),
// independent of what is there. Inside a block a linear layer keeps a vector's size, up to what
// softmax and SwiGLU take away. Scores of attention and routing spread enough that a few positions
// and experts dominate.
//
// Larger blocks would make it chaotic: random layers amplify each other's roundings, which trained
// ones hardly do. With these, bfloat16's hidden states of 48 layers differ from float32's by some
// 5% to 10%; with blocks twice as large, by 40%.
#ifndef TESTDATA_SYNTHESIS_WEIGHT_SCALE_H_
#define TESTDATA_SYNTHESIS_WEIGHT_SCALE_H_

#include "absl/strings/string_view.h"
#include "runner/checkpoint/model_config.h"
#include "runner/checkpoint/tensor_registry.h"

namespace forensics::synthesis {

// Root mean square of the embedding's weights. A tied one is the head too.
double ResidualScale(const runner::ModelConfig& config);

// Root mean square of the weights of the linear layer `name`, such as
// "model.layers.0.mlp.experts.5.down_proj".
double LinearScale(const runner::ModelConfig& config, absl::string_view name,
                   const runner::LinearLayer& layer);

// A one-dimensional tensor, a norm's weight or a bias: mean and standard deviation.
struct Spread {
  double mean;
  double deviation;
};
Spread VectorSpread(absl::string_view name);

}  // namespace forensics::synthesis

#endif  // TESTDATA_SYNTHESIS_WEIGHT_SCALE_H_
