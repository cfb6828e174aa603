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
// The same, with sizes that any format can pack and `quant` set (AWQ and GPTQ: group size 16; the
// router is left out).
ModelConfig TinyPackedConfig(Architecture architecture, QuantMethod method);
ModelConfig TinyAwqConfig(Architecture architecture);

// Every tensor that `config` implies, by published name, with random values of a trained model's
// magnitude, in config.torch_dtype; packed ones as config.quant says (AWQ and GPTQ: float16 scales;
// GPTQ: the groups of inputs in random order; NF4: double quantisation). The same for the same
// seed.
TensorMap RandomTensors(const ModelConfig& config, uint64_t seed);

struct AwqTensors {
  at::Tensor qweight;  // int32 [in, out / 8]
  at::Tensor qzeros;   // int32 [groups, out / 8]
};
// Packs the integers 0..15 of `weight` [out, in] and `zeros` [out, groups] (both int32).
AwqTensors PackAwq(const at::Tensor& weight, const at::Tensor& zeros);

struct PackedGptq {
  at::Tensor qweight;  // int32 [in / 8, out]
  at::Tensor qzeros;   // int32 [groups, out / 8]
};
// Packs the integers 0..15 of `weight` [out, in] and `zeros`, as stored, [out, groups] (both
// int32).
PackedGptq PackGptq(const at::Tensor& weight, const at::Tensor& zeros);

// The sixteen values of NF4, float32.
at::Tensor Nf4Map();
// The bytes of a quant_state of double quantisation with blocks of 64 and 256, uint8.
at::Tensor Nf4State(int64_t out, int64_t in, double offset);
at::Tensor BytesTensor(const std::string& bytes);

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_TESTING_RANDOM_TENSORS_H_
