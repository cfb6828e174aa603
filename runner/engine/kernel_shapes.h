// Which kernels saw another shape than in the reference's run.
#ifndef RUNNER_ENGINE_KERNEL_SHAPES_H_
#define RUNNER_ENGINE_KERNEL_SHAPES_H_

#include <google/protobuf/repeated_field.h>

#include <string>
#include <vector>

#include "schema/run.pb.h"

namespace forensics::runner {

using KernelUses = google::protobuf::RepeatedPtrField<schema::KernelUse>;

// One line for each phase, kernel and operands whose range of rows differs, or which only one of
// the two has, in the order of `reference`, then of `here`: "decode linear/own_16_lanes (in=256,
// out=512): 1 row, here none". Numbers of calls are not compared. Each line occurs once in either.
std::vector<std::string> OtherShapes(const KernelUses& reference, const KernelUses& here);

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_KERNEL_SHAPES_H_
