// What a manifest says of the model.
#ifndef RUNNER_ENGINE_MODEL_INFO_H_
#define RUNNER_ENGINE_MODEL_INFO_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/checkpoint/model_config.h"
#include "schema/run.pb.h"

namespace forensics::runner {

// Weights of the model as published, tied ones once, however they are stored.
int64_t CountParameters(const ModelConfig& config);

// "awq", "gptq", "bnb" or "none": RunConfig.quant_method.
std::string QuantMethodName(QuantMethod method);

// Reads all weight files once, for the digest.
absl::StatusOr<schema::ModelInfo> DescribeModel(const Checkpoint& checkpoint);

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_MODEL_INFO_H_
