#include "runner/parallel/nccl_communicator.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <nccl.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runner/parallel/nccl_settings.h"

namespace forensics::runner {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

ncclDataType_t DataType(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return ncclFloat32;
    case at::kBFloat16:
      return ncclBfloat16;
    case at::kHalf:
      return ncclFloat16;
    default:
      throw RankError(
          absl::StrCat("NCCL: expected float32, bfloat16 or float16, found ", c10::toString(type)));
  }
}

class NcclCommunicator : public Communicator {
 public:
  NcclCommunicator(ncclComm_t communicator, milliseconds timeout, Communicator& control)
      : communicator_(communicator), timeout_(timeout), control_(control) {}
  ~NcclCommunicator() override { Abort(); }

  int rank() const override { return control_.rank(); }
  int size() const override { return control_.size(); }
  std::string Description() const override {
    int version = 0;
    ncclGetVersion(&version);
    std::string text = absl::StrCat("NCCL ", version);
    for (const auto& [name, value] : kNcclSettings) {
      absl::StrAppend(&text, ", ", name, "=", std::getenv(name));
    }
    return text;
  }

  void SumOverRanks(at::Tensor& partial) override {
    const auto stream = c10::cuda::getCurrentCUDAStream();
    Check(
        ncclAllReduce(partial.data_ptr(), partial.data_ptr(), static_cast<size_t>(partial.numel()),
                      DataType(partial.scalar_type()), ncclSum, communicator_, stream.stream()),
        "all-reduce");
    Wait(stream, "all-reduce");
  }

  // NCCL gathers parts of one size: narrow ones are filled up.
  at::Tensor GatherColumns(const at::Tensor& part, const std::vector<int64_t>& widths) override {
    const int64_t rows = part.size(0), widest = *std::max_element(widths.begin(), widths.end());
    at::Tensor mine = at::zeros({rows, widest}, part.options());
    mine.narrow(1, 0, part.size(1)).copy_(part);
    at::Tensor all = at::empty({size(), rows, widest}, part.options());
    const auto stream = c10::cuda::getCurrentCUDAStream();
    Check(ncclAllGather(mine.data_ptr(), all.data_ptr(), static_cast<size_t>(mine.numel()),
                        DataType(part.scalar_type()), communicator_, stream.stream()),
          "all-gather");
    Wait(stream, "all-gather");
    std::vector<at::Tensor> columns;
    for (int rank = 0; rank < size(); ++rank) {
      columns.push_back(all.select(0, rank).narrow(1, 0, widths[rank]));
    }
    return at::cat(columns, 1);
  }

  std::vector<std::string> GatherBytes(const std::string& mine) override {
    return control_.GatherBytes(mine);
  }

 private:
  void Check(ncclResult_t result, const char* what) const {
    if (communicator_ == nullptr) {
      throw RankError(absl::StrCat("rank ", rank(), ": NCCL ", what, ": a rank was lost before"));
    }
    if (result == ncclSuccess || result == ncclInProgress) return;
    throw RankError(absl::StrCat("rank ", rank(), ": NCCL ", what, ": ", ncclGetErrorString(result),
                                 ": ", ncclGetLastError(communicator_)));
  }

  // Not ncclCommDestroy, which waits for ranks that may be gone.
  void Abort() {
    if (communicator_ != nullptr) ncclCommAbort(std::exchange(communicator_, nullptr));
  }

  // A kernel that waits for a lost rank never ends by itself. NCCL may still be putting it on the
  // stream.
  void Wait(const c10::cuda::CUDAStream& stream, const char* what) {
    const auto deadline = Clock::now() + timeout_;
    ncclResult_t result = ncclInProgress;
    while (result == ncclInProgress || !stream.query()) {
      Check(ncclCommGetAsyncError(communicator_, &result), what);
      Check(result, what);
      if (Clock::now() < deadline) continue;
      Abort();
      throw RankError(absl::StrCat("rank ", rank(), ": NCCL ", what,
                                   ": another rank took no part for ", timeout_.count() / 1000.0,
                                   " s"));
    }
  }

  ncclComm_t communicator_;
  const milliseconds timeout_;
  Communicator& control_;
};

// Rank 0's id of the communicator, on every rank.
ncclUniqueId SharedId(Communicator& control) {
  ncclUniqueId id = {};
  std::string mine;
  if (control.rank() == 0 && ncclGetUniqueId(&id) == ncclSuccess) {
    mine.assign(id.internal, sizeof id.internal);
  }
  const std::string shared = control.GatherBytes(mine)[0];
  if (shared.size() != sizeof id.internal) throw RankError("rank 0: NCCL gives no unique id");
  std::memcpy(id.internal, shared.data(), shared.size());
  return id;
}

// ncclInProgress after `timeout`: a rank that is lost at the start would else block all others.
ncclResult_t Connect(const ncclUniqueId& id, const Communicator& control, milliseconds timeout,
                     ncclComm_t* communicator) {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  const auto deadline = Clock::now() + timeout;
  ncclResult_t result =
      ncclCommInitRankConfig(communicator, control.size(), id, control.rank(), &config);
  while (result == ncclInProgress && Clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(1));
    if (ncclCommGetAsyncError(*communicator, &result) != ncclSuccess) return ncclInternalError;
  }
  return result;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Communicator>> ConnectNccl(int device, milliseconds timeout,
                                                          Communicator& control) {
  for (const auto& [name, value] : kNcclSettings) setenv(name, value, /*overwrite=*/0);
  try {
    c10::cuda::set_device(static_cast<c10::DeviceIndex>(device));
    const ncclUniqueId id = SharedId(control);
    ncclComm_t communicator = nullptr;
    const ncclResult_t result = Connect(id, control, timeout, &communicator);
    if (result != ncclSuccess) {
      if (communicator != nullptr) ncclCommAbort(communicator);
      return absl::AbortedError(absl::StrCat("rank ", control.rank(), ", GPU ", device, ": NCCL: ",
                                             result == ncclInProgress
                                                 ? "another rank did not come in time"
                                                 : ncclGetErrorString(result)));
    }
    return std::make_unique<NcclCommunicator>(communicator, timeout, control);
  } catch (const std::exception& error) {
    return absl::AbortedError(
        absl::StrCat("rank ", control.rank(), ", GPU ", device, ": ", error.what()));
  }
}

}  // namespace forensics::runner
