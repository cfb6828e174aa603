// What every part of the decoder is loaded from and for.
#ifndef RUNNER_MODEL_LOAD_CONTEXT_H_
#define RUNNER_MODEL_LOAD_CONTEXT_H_

#include <c10/core/ScalarType.h>

#include "runner/checkpoint/checkpoint.h"
#include "runner/parallel/communicator.h"
#include "runner/parallel/sharding.h"

namespace forensics::runner {

struct LoadContext {
  const Checkpoint& checkpoint;
  at::ScalarType dtype;        // of weights and activations
  Sharding sharding;           // the part that this rank holds
  Communicator* communicator;  // of the ranks that hold the others; outlives the model

  const ModelConfig& config() const { return checkpoint.config(); }
  // Whether every rank's products with a cut inner dimension are to be added up.
  bool IsTensorParallel() const { return sharding.tp_size > 1; }
  // A bias of such a product is added once.
  bool AddsOutputBias() const { return sharding.tp_size == 1 || sharding.rank == 0; }
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_LOAD_CONTEXT_H_
