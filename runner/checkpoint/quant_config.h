// config.json's quantization_config: how the linear layers' weights are stored.
#ifndef RUNNER_CHECKPOINT_QUANT_CONFIG_H_
#define RUNNER_CHECKPOINT_QUANT_CONFIG_H_

#include "runner/checkpoint/json_fields.h"
#include "runner/checkpoint/model_config.h"

namespace forensics::runner {

// Reads `fields`, the object quantization_config; errors are left in its status(). Refuses an
// unknown quant_method, and a variant of a known one whose bits would be read wrongly.
QuantConfig ReadQuantConfig(JsonFields& fields);

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_QUANT_CONFIG_H_
