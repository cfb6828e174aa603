// main() of tests that run on a real GPU: to be carried to a machine with one and an installed
// torch, whose torch/lib and nvidia/*/lib folders are in LD_LIBRARY_PATH.
#include <gtest/gtest.h>

#include <iostream>

#include "runner/cuda/torch_library.h"
#include "runner/engine/machine.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const auto gpu = forensics::runner::StartCuda(0, forensics::runner::LibtorchCudaVersion());
  if (!gpu.ok()) {
    std::cerr << gpu.status().message() << "\n";
    return 1;
  }
  forensics::runner::MakeDeterministic(/*threads=*/0);
  std::cout << gpu->name << "\n";
  return RUN_ALL_TESTS();
}
