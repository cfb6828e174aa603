// Until the kernels are here, no model decodes by them.
#include <utility>

#include "runner/ops/cuda/decode_step.h"

namespace forensics::runner {

bool DecodeStep::Supports(const DecodeDims&, int64_t) { return false; }
DecodeStep::DecodeStep(DecodeTensors tensors) : tensors_(std::move(tensors)) {}
void DecodeStep::Launch() const {}
std::string DecodeStep::Variant() const { return ""; }

}  // namespace forensics::runner
