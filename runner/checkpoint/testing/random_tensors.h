// Small random models for tests: configs and weights for any architecture.
#ifndef RUNNER_CHECKPOINT_TESTING_RANDOM_TENSORS_H_
#define RUNNER_CHECKPOINT_TESTING_RANDOM_TENSORS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "runner/checkpoint/model_config.h"

namespace forensics::runner {

using TensorMap = std::map<std::string, at::Tensor>;

// A config of a few thousand weights in which no two sizes that could be confused are equal: heads
// wider than hidden_size / heads, untied head. Qwen3Moe has one dense layer among its three.
ModelConfig TinyConfig(Architecture architecture);
// The same, with sizes that AWQ can pack and `quant` set (group size 16, the router left out).
ModelConfig TinyAwqConfig(Architecture architecture);

// Every tensor that `config` implies, by published name, with random values of a trained model's
// magnitude, in config.torch_dtype (AWQ: packed, float16 scales). The same for the same seed.
TensorMap RandomTensors(const ModelConfig& config, uint64_t seed);

struct AwqTensors {
  at::Tensor qweight;  // int32 [in, out / 8]
  at::Tensor qzeros;   // int32 [groups, out / 8]
};
// Packs the integers 0..15 of `weight` [out, in] and `zeros` [out, groups] (both int32).
AwqTensors PackAwq(const at::Tensor& weight, const at::Tensor& zeros);

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_TESTING_RANDOM_TENSORS_H_
