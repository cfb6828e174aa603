// Small checkpoints for tests: random weights for any config, written as published files are.
#ifndef RUNNER_CHECKPOINT_TESTING_CHECKPOINT_WRITER_H_
#define RUNNER_CHECKPOINT_TESTING_CHECKPOINT_WRITER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runner/checkpoint/model_config.h"

namespace forensics::runner {

using TensorMap = std::map<std::string, at::Tensor>;

// A config of a few thousand weights in which no two sizes that could be confused are equal: heads
// wider than hidden_size / heads, untied head. Qwen3Moe has one dense layer among its three.
ModelConfig TinyConfig(Architecture architecture);
// The same, with sizes that AWQ can pack and `quant` set (group size 16, the router left out).
ModelConfig TinyAwqConfig(Architecture architecture);

// config.json of `config`, as transformers 4 writes it.
std::string ConfigJson(const ModelConfig& config);

// Every tensor that `config` implies, by published name, with random values of a trained model's
// magnitude, in config.torch_dtype (AWQ: packed, float16 scales). The same for the same seed.
TensorMap RandomTensors(const ModelConfig& config, uint64_t seed);

struct AwqTensors {
  at::Tensor qweight;  // int32 [in, out / 8]
  at::Tensor qzeros;   // int32 [groups, out / 8]
};
// Packs the integers 0..15 of `weight` [out, in] and `zeros` [out, groups] (both int32).
AwqTensors PackAwq(const at::Tensor& weight, const at::Tensor& zeros);

// The bytes of a .safetensors file: `header` behind its length, then `data`. Unchecked.
std::string SafetensorsBytes(absl::string_view header, absl::string_view data);
std::string SafetensorsBytes(const TensorMap& tensors);

// Writes config.json and model.safetensors or, with `shards` > 1, that many shards and their index,
// into `directory`, which is made.
absl::Status WriteCheckpoint(const std::string& directory, absl::string_view config_json,
                             const TensorMap& tensors, int shards = 1);

absl::Status WriteFile(const std::string& path, absl::string_view bytes);
// Empty where it cannot be read.
std::string ReadFile(const std::string& path);

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_TESTING_CHECKPOINT_WRITER_H_
