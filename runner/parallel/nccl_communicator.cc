#include "runner/parallel/nccl_communicator.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runner/cuda/stream.h"
#include "runner/parallel/nccl_library.h"
#include "runner/parallel/nccl_settings.h"

namespace forensics::runner {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

nccl::DataType TypeOf(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return nccl::kFloat32;
    case at::kBFloat16:
      return nccl::kBfloat16;
    case at::kHalf:
      return nccl::kFloat16;
    default:
      throw RankError(
          absl::StrCat("NCCL: expected float32, bfloat16 or float16, found ", c10::toString(type)));
  }
}

class NcclCommunicator : public Communicator {
 public:
  NcclCommunicator(const nccl::Library& library, nccl::Communicator communicator,
                   milliseconds timeout, Communicator& control)
      : library_(library), communicator_(communicator), timeout_(timeout), control_(control) {}
  ~NcclCommunicator() override { Abort(); }

  int rank() const override { return control_.rank(); }
  int size() const override { return control_.size(); }
  std::string Description() const override {
    int version = 0;
    library_.ncclGetVersion(&version);
    std::string text = absl::StrCat("NCCL ", version);
    for (const auto& [name, value] : kNcclSettings) {
      const char* chosen = std::getenv(name);
      if (chosen != nullptr) absl::StrAppend(&text, ", ", name, "=", chosen);
    }
    return text;
  }

  void SumOverRanks(at::Tensor& partial) override {
    Check(library_.ncclAllReduce(
              partial.data_ptr(), partial.data_ptr(), static_cast<size_t>(partial.numel()),
              TypeOf(partial.scalar_type()), nccl::kSum, communicator_, CurrentStream()),
          "all-reduce");
    Wait("all-reduce");
  }

  // NCCL gathers parts of one size: narrow ones are filled up.
  at::Tensor GatherColumns(const at::Tensor& part, const std::vector<int64_t>& widths) override {
    const int64_t rows = part.size(0), widest = *std::max_element(widths.begin(), widths.end());
    at::Tensor mine = at::zeros({rows, widest}, part.options());
    mine.narrow(1, 0, part.size(1)).copy_(part);
    at::Tensor all = at::empty({size(), rows, widest}, part.options());
    Check(library_.ncclAllGather(mine.data_ptr(), all.data_ptr(), static_cast<size_t>(mine.numel()),
                                 TypeOf(part.scalar_type()), communicator_, CurrentStream()),
          "all-gather");
    Wait("all-gather");
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
  void Check(nccl::Result result, const char* what) const {
    if (communicator_ == nullptr) {
      throw RankError(absl::StrCat("rank ", rank(), ": NCCL ", what, ": a rank was lost before"));
    }
    if (result == nccl::kSuccess || result == nccl::kInProgress) return;
    throw RankError(absl::StrCat("rank ", rank(), ": NCCL ", what, ": ",
                                 library_.ncclGetErrorString(result), ": ",
                                 library_.ncclGetLastError(communicator_)));
  }

  // Not ncclCommDestroy, which waits for ranks that may be gone.
  void Abort() {
    if (communicator_ != nullptr) library_.ncclCommAbort(std::exchange(communicator_, nullptr));
  }

  // A kernel that waits for a lost rank never ends by itself. NCCL may still be putting it on the
  // stream.
  void Wait(const char* what) {
    const c10::impl::VirtualGuardImpl guard(c10::kCUDA);
    const c10::Stream stream = guard.getStream(guard.getDevice());
    const auto deadline = Clock::now() + timeout_;
    nccl::Result result = nccl::kInProgress;
    while (result == nccl::kInProgress || !guard.queryStream(stream)) {
      Check(library_.ncclCommGetAsyncError(communicator_, &result), what);
      Check(result, what);
      if (Clock::now() < deadline) continue;
      Abort();
      throw RankError(absl::StrCat("rank ", rank(), ": NCCL ", what,
                                   ": another rank took no part for ", timeout_.count() / 1000.0,
                                   " s"));
    }
  }

  const nccl::Library& library_;
  nccl::Communicator communicator_;
  const milliseconds timeout_;
  Communicator& control_;
};

// Rank 0's id of the communicator, on every rank.
nccl::UniqueId SharedId(const nccl::Library& library, Communicator& control) {
  nccl::UniqueId id = {};
  std::string mine;
  if (control.rank() == 0 && library.ncclGetUniqueId(&id) == nccl::kSuccess) {
    mine.assign(id.internal, sizeof id.internal);
  }
  const std::string shared = control.GatherBytes(mine)[0];
  if (shared.size() != sizeof id.internal) throw RankError("rank 0: NCCL gives no unique id");
  std::memcpy(id.internal, shared.data(), shared.size());
  return id;
}

// kInProgress after `timeout`: a rank that is lost at the start would else block all others.
nccl::Result Connect(const nccl::Library& library, const nccl::UniqueId& id,
                     const Communicator& control, milliseconds timeout,
                     nccl::Communicator* communicator) {
  nccl::Config config;
  config.blocking = 0;
  const auto deadline = Clock::now() + timeout;
  nccl::Result result =
      library.ncclCommInitRankConfig(communicator, control.size(), id, control.rank(), &config);
  while (result == nccl::kInProgress && Clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(1));
    if (library.ncclCommGetAsyncError(*communicator, &result) != nccl::kSuccess) {
      return nccl::kInternalError;
    }
  }
  return result;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Communicator>> ConnectNccl(milliseconds start_timeout,
                                                          milliseconds timeout,
                                                          Communicator& control, bool fixed_order) {
  if (fixed_order) {
    for (const auto& [name, value] : kNcclSettings) setenv(name, value, /*overwrite=*/0);
  }
  const std::string who = absl::StrCat("rank ", control.rank(), ": ");
  const absl::StatusOr<const nccl::Library*> library = nccl::Library::Get();
  if (!library.ok()) return absl::AbortedError(absl::StrCat(who, library.status().message()));
  try {
    at::empty({1}, at::kCUDA);  // the GPU's context, which NCCL takes the current one of
    const nccl::UniqueId id = SharedId(**library, control);
    nccl::Communicator communicator = nullptr;
    const nccl::Result result = Connect(**library, id, control, start_timeout, &communicator);
    if (result == nccl::kSuccess) {
      return std::make_unique<NcclCommunicator>(**library, communicator, timeout, control);
    }
    const std::string reason = result == nccl::kInProgress ? "another rank did not come in time"
                                                           : (*library)->ncclGetErrorString(result);
    const std::string more =
        result == nccl::kInProgress ? "" : (*library)->ncclGetLastError(communicator);
    if (communicator != nullptr) (*library)->ncclCommAbort(communicator);
    return absl::AbortedError(
        absl::StrCat(who, "NCCL: ", reason, more.empty() ? "" : absl::StrCat(": ", more)));
  } catch (const std::exception& error) {
    return absl::AbortedError(absl::StrCat(who, error.what()));
  }
}

}  // namespace forensics::runner
