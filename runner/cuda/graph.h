// A sequence of kernel launches and copies, captured once and replayed as a whole.
#ifndef RUNNER_CUDA_GRAPH_H_
#define RUNNER_CUDA_GRAPH_H_

#include <cstddef>
#include <memory>

#include "absl/functional/function_ref.h"
#include "runner/cuda/driver.h"

namespace forensics::runner {

class CudaGraph {
 public:
  // Captures what `enqueue` puts on CurrentStream() from this thread; nothing runs yet. All
  // addresses and sizes are fixed here. libtorch's operations do not take part: they go to
  // libtorch's own stream. Throws CudaError.
  static std::unique_ptr<CudaGraph> Capture(absl::FunctionRef<void()> enqueue);
  ~CudaGraph();
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  // Replays on CurrentStream(). Throws CudaError.
  void Replay() const;

  size_t nodes() const { return nodes_; }

 private:
  CudaGraph() = default;

  CUgraphExec executable_ = nullptr;
  size_t nodes_ = 0;
};

}  // namespace forensics::runner

#endif  // RUNNER_CUDA_GRAPH_H_
