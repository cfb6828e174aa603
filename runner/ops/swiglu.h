// The gated activation of Llama and Qwen MLPs (Shazeer 2020): silu(gate) * up.
#ifndef RUNNER_OPS_SWIGLU_H_
#define RUNNER_OPS_SWIGLU_H_

#include <ATen/core/Tensor.h>

namespace forensics::runner {

// gate_up [rows, 2 * width] contiguous, gates first (f32, bf16, f16) -> [rows, width]. silu is
// computed in float32 and rounded to the dtype before the product, as Hugging Face does.
at::Tensor SwiGlu(const at::Tensor& gate_up);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_SWIGLU_H_
