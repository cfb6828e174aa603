// Checkpoints for tests, written as published files are.
#ifndef RUNNER_CHECKPOINT_TESTING_CHECKPOINT_WRITER_H_
#define RUNNER_CHECKPOINT_TESTING_CHECKPOINT_WRITER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runner/checkpoint/model_config.h"
#include "runner/checkpoint/testing/random_tensors.h"

namespace forensics::runner {

// config.json of `config`, as transformers 4 writes it.
std::string ConfigJson(const ModelConfig& config);

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
