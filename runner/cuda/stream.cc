#include "runner/cuda/stream.h"

namespace forensics::runner {
namespace {

thread_local CUstream current = nullptr;

}  // namespace

CUstream CurrentStream() { return current; }

void WaitForCurrentStream() {
  CheckCuda(Cuda().cuStreamSynchronize(current), "waiting for the GPU");
}

StreamScope::StreamScope(CUstream stream) : before_(current) { current = stream; }
StreamScope::~StreamScope() { current = before_; }

}  // namespace forensics::runner
