// NCCL's functions, found at run time: they come with libtorch_cuda, and nothing links with them.
//
// What nccl.h (github.com/NVIDIA/nccl) says of their types is repeated here, so that machines that
// only build need not fetch NCCL; nccl_library_test.cc holds it against nccl.h.
#ifndef RUNNER_PARALLEL_NCCL_LIBRARY_H_
#define RUNNER_PARALLEL_NCCL_LIBRARY_H_

#include <cstddef>

#include "absl/status/statusor.h"

namespace forensics::runner::nccl {

using Communicator = struct ncclComm*;
using Stream = struct CUstream_st*;

struct UniqueId {
  char internal[128];
};

enum Result : int { kSuccess = 0, kInternalError = 3, kInProgress = 7 };
enum DataType : int { kFloat16 = 6, kFloat32 = 7, kBfloat16 = 9 };
enum Operation : int { kSum = 0 };

// The first fields of ncclConfig_t, as version 2.14 had them; NCCL gives the later ones their
// defaults.
struct Config {
  size_t size = sizeof(Config);
  unsigned magic = 0xcafebeef;
  unsigned version = 21400;
  int blocking = 1;
};

struct Library {
  Result (*ncclGetVersion)(int* version);
  Result (*ncclGetUniqueId)(UniqueId* id);
  Result (*ncclCommInitRankConfig)(Communicator* communicator, int ranks, UniqueId id, int rank,
                                   Config* config);
  Result (*ncclCommGetAsyncError)(Communicator communicator, Result* error);
  Result (*ncclCommAbort)(Communicator communicator);
  Result (*ncclAllReduce)(const void* from, void* to, size_t count, DataType type,
                          Operation operation, Communicator communicator, Stream stream);
  Result (*ncclAllGather)(const void* from, void* to, size_t count, DataType type,
                          Communicator communicator, Stream stream);
  const char* (*ncclGetErrorString)(Result result);
  const char* (*ncclGetLastError)(Communicator communicator);

  // The one instance. Unavailable, naming what is missing, where there is no libnccl.so.2 or it
  // lacks a function.
  static absl::StatusOr<const Library*> Get();
};

}  // namespace forensics::runner::nccl

#endif  // RUNNER_PARALLEL_NCCL_LIBRARY_H_
