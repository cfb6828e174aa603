#include "runner/cuda/graph.h"

#include "runner/cuda/stream.h"

namespace forensics::runner {
namespace {

// A stream for capturing: the legacy default stream cannot be captured.
class OwnStream {
 public:
  OwnStream() {
    CheckCuda(Cuda().cuStreamCreate(&stream_, CU_STREAM_NON_BLOCKING), "creating a stream");
  }
  ~OwnStream() { Cuda().cuStreamDestroy(stream_); }
  OwnStream(const OwnStream&) = delete;
  OwnStream& operator=(const OwnStream&) = delete;

  CUstream get() const { return stream_; }

 private:
  CUstream stream_ = nullptr;
};

struct GraphCloser {
  void operator()(CUgraph graph) const { Cuda().cuGraphDestroy(graph); }
};
using GraphHandle = std::unique_ptr<CUgraph_st, GraphCloser>;

GraphHandle Record(CUstream stream, absl::FunctionRef<void()> enqueue) {
  CheckCuda(Cuda().cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
            "beginning a capture");
  CUgraph graph = nullptr;
  try {
    const StreamScope scope(stream);
    enqueue();
  } catch (...) {
    Cuda().cuStreamEndCapture(stream, &graph);
    if (graph != nullptr) Cuda().cuGraphDestroy(graph);
    throw;
  }
  CheckCuda(Cuda().cuStreamEndCapture(stream, &graph), "ending a capture");
  return GraphHandle(graph);
}

}  // namespace

std::unique_ptr<CudaGraph> CudaGraph::Capture(absl::FunctionRef<void()> enqueue) {
  const OwnStream stream;
  const GraphHandle graph = Record(stream.get(), enqueue);
  auto captured = std::unique_ptr<CudaGraph>(new CudaGraph);
  CheckCuda(Cuda().cuGraphGetNodes(graph.get(), nullptr, &captured->nodes_), "counting nodes");
  CheckCuda(Cuda().cuGraphInstantiateWithFlags(&captured->executable_, graph.get(), 0),
            "instantiating a graph");
  return captured;
}

CudaGraph::~CudaGraph() {
  if (executable_ != nullptr) Cuda().cuGraphExecDestroy(executable_);
}

void CudaGraph::Replay() const {
  CheckCuda(Cuda().cuGraphLaunch(executable_, CurrentStream()), "replaying a graph");
}

}  // namespace forensics::runner
