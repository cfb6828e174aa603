// What dequantize.cu is told, beside its tensors: shared by the kernel and its host function.
#ifndef RUNNER_OPS_CUDA_DEQUANTIZE_ARGUMENTS_H_
#define RUNNER_OPS_CUDA_DEQUANTIZE_ARGUMENTS_H_

namespace forensics {

// Which weights of a stack of `count` are wanted.
struct StackChoice {
  const int* indices;  // null: all, in order; weights outside the stack are left out
  int count;
  int row_tiles;  // of a weight
};

}  // namespace forensics

#endif  // RUNNER_OPS_CUDA_DEQUANTIZE_ARGUMENTS_H_
