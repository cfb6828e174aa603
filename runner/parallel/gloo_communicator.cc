#include "runner/parallel/gloo_communicator.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <arpa/inet.h>
#include <gloo/common/error.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/store.h>
#include <gloo/transport/tcp/device.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runner/parallel/range.h"
#include "runner/parallel/rank_sum.h"

namespace forensics::runner {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Gloo's view of the ranks' store.
class GlooStore : public gloo::rendezvous::Store {
 public:
  GlooStore(Rendezvous& store, std::string prefix) : store_(store), prefix_(std::move(prefix)) {}

  void set(const std::string& key, const std::vector<char>& data) override {
    Check(store_.Set(prefix_ + key, std::string(data.begin(), data.end())));
  }
  std::vector<char> get(const std::string& key) override {
    const absl::StatusOr<std::string> value = store_.Get(prefix_ + key);
    Check(value.status());
    return {value->begin(), value->end()};
  }
  void wait(const std::vector<std::string>& keys) override {
    for (const std::string& key : keys) Check(store_.Get(prefix_ + key).status());
  }
  void wait(const std::vector<std::string>& keys, const milliseconds&) override { wait(keys); }

 private:
  static void Check(const absl::Status& status) {
    if (!status.ok()) throw RankError(std::string(status.message()));
  }

  Rendezvous& store_;
  const std::string prefix_;
};

// The address of this machine that the others see: that of the interface which leads to the master.
absl::StatusOr<std::string> OwnAddress(const RankEnvironment& ranks) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const std::string port = absl::StrCat(ranks.master_port);
  const int error = getaddrinfo(ranks.master_address.c_str(), port.c_str(), &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat("MASTER_ADDR ", ranks.master_address, ": ", gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> release(found, freeaddrinfo);
  const int connection = socket(found->ai_family, SOCK_DGRAM, 0);
  sockaddr_storage own = {};
  socklen_t size = sizeof own;
  char text[NI_MAXHOST];
  // Connecting a datagram socket sends nothing; it only picks the interface.
  const bool known = connection >= 0 &&
                     connect(connection, found->ai_addr, found->ai_addrlen) == 0 &&
                     getsockname(connection, reinterpret_cast<sockaddr*>(&own), &size) == 0 &&
                     getnameinfo(reinterpret_cast<sockaddr*>(&own), size, text, sizeof text,
                                 nullptr, 0, NI_NUMERICHOST) == 0;
  if (connection >= 0) close(connection);
  if (known) return std::string(text);
  return absl::UnavailableError(
      absl::StrCat("no address of this machine leads to MASTER_ADDR ", ranks.master_address));
}

struct Bytes {
  void* data = nullptr;
  size_t size = 0;
};

class GlooCommunicator : public Communicator {
 public:
  GlooCommunicator(std::shared_ptr<gloo::rendezvous::Context> context, milliseconds timeout)
      : context_(std::move(context)), timeout_(timeout) {}

  int rank() const override { return context_->rank; }
  int size() const override { return context_->size; }
  std::string Description() const override {
    return "Gloo over TCP; sums in float32 in rank order, rounded once";
  }

  void SumOverRanks(at::Tensor& partial) override {
    // Small tensors: everyone adds up everything, in one exchange; large ones: each its piece.
    constexpr int64_t kSmall = 16384;
    if (partial.numel() <= kSmall) return SumWhole(partial);
    SumByPieces(partial);
  }

  at::Tensor GatherColumns(const at::Tensor& part, const std::vector<int64_t>& widths) override {
    const at::Tensor mine = part.contiguous();
    std::vector<at::Tensor> parts(size());
    std::vector<Bytes> out(size()), in(size());
    for (int peer = 0; peer < size(); ++peer) {
      parts[peer] = peer == rank() ? mine : at::empty({mine.size(0), widths[peer]}, mine.options());
      out[peer] = {mine.data_ptr(), mine.nbytes()};
      in[peer] = {parts[peer].data_ptr(), parts[peer].nbytes()};
    }
    Exchange(out, in);
    return at::cat(parts, 1);
  }

  std::vector<std::string> GatherBytes(const std::string& mine) override {
    std::vector<uint64_t> sizes(size());
    uint64_t own_size = mine.size();
    std::vector<Bytes> out(size()), in(size());
    for (int peer = 0; peer < size(); ++peer) {
      out[peer] = {&own_size, sizeof own_size};
      in[peer] = {&sizes[peer], sizeof sizes[peer]};
    }
    Exchange(out, in);
    std::vector<std::string> all(size());
    for (int peer = 0; peer < size(); ++peer) {
      if (peer != rank()) all[peer].resize(sizes[peer]);
      out[peer] = {const_cast<char*>(mine.data()), mine.size()};
      in[peer] = {all[peer].data(), all[peer].size()};
    }
    Exchange(out, in);
    all[rank()] = mine;
    return all;
  }

 private:
  void SumWhole(at::Tensor& partial) {
    std::vector<at::Tensor> received(size());
    std::vector<Bytes> out(size()), in(size());
    std::vector<const void*> parts(size(), partial.data_ptr());
    for (int peer = 0; peer < size(); ++peer) {
      if (peer == rank()) continue;
      received[peer] = at::empty(partial.sizes(), partial.options());
      out[peer] = {partial.data_ptr(), partial.nbytes()};
      in[peer] = {received[peer].data_ptr(), received[peer].nbytes()};
      parts[peer] = received[peer].data_ptr();
    }
    Exchange(out, in);
    SumInRankOrder(parts, partial.numel(), partial.scalar_type(), partial.data_ptr());
  }

  void SumByPieces(at::Tensor& partial) {
    const int64_t count = partial.numel();
    const size_t width = partial.element_size();
    auto* const data = static_cast<char*>(partial.data_ptr());
    const auto piece = [&](int of) {
      const Range elements = EvenPart(count, size(), of);  // that rank `of` adds up
      return Bytes{data + elements.begin * width, elements.size() * width};
    };
    const Bytes own = piece(rank());
    std::vector<std::string> received(size());
    std::vector<Bytes> out(size()), in(size());
    std::vector<const void*> parts(size(), own.data);
    for (int peer = 0; peer < size(); ++peer) {
      if (peer == rank()) continue;
      received[peer].resize(own.size);
      out[peer] = piece(peer);
      in[peer] = {received[peer].data(), own.size};
      parts[peer] = received[peer].data();
    }
    Exchange(out, in);
    SumInRankOrder(parts, static_cast<int64_t>(own.size / width), partial.scalar_type(), own.data);
    for (int peer = 0; peer < size(); ++peer) {
      out[peer] = own;
      in[peer] = piece(peer);
    }
    Exchange(out, in);
  }

  // Not negative: to Gloo that is its own time limit.
  static milliseconds Left(steady_clock::time_point deadline) {
    return std::max(milliseconds(0),
                    std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()));
  }

  // What this rank has under way with one peer.
  struct Transfer {
    int peer;
    std::unique_ptr<gloo::transport::UnboundBuffer> send, receive;

    void Post(uint64_t slot) {
      if (receive->size > 0) receive->recv(peer, slot);
      if (send->size > 0) send->send(peer, slot);
    }

    void Wait(steady_clock::time_point deadline) {
      const bool received = receive->size == 0 || receive->waitRecv(Left(deadline));
      const bool sent = send->size == 0 || send->waitSend(Left(deadline));
      if (!received || !sent) throw gloo::IoException("aborted");
    }
  };

  // Sends out[peer] to every peer and fills in[peer] from it; the entries of this rank are unused.
  // A rank that loses another one still exchanges with the rest before it gives up. Gloo forgets
  // what is under way when its buffer goes: the rest would wait, and name the wrong rank.
  void Exchange(const std::vector<Bytes>& out, const std::vector<Bytes>& in) {
    const auto deadline = steady_clock::now() + timeout_;
    const uint64_t slot = slot_++;
    std::optional<RankError> loss;
    std::vector<Transfer> transfers;
    for (int step = 1; step < size(); ++step) {
      const int peer = (rank() + step) % size();
      Transfer transfer = {peer, context_->createUnboundBuffer(out[peer].data, out[peer].size),
                           context_->createUnboundBuffer(in[peer].data, in[peer].size)};
      try {
        transfer.Post(slot);
        transfers.push_back(std::move(transfer));
      } catch (const gloo::Exception& error) {
        if (!loss) loss = Lost(peer, error.what());
      }
    }
    for (Transfer& transfer : transfers) {
      try {
        transfer.Wait(deadline);
      } catch (const gloo::Exception& error) {
        if (!loss) loss = Lost(transfer.peer, error.what());
      }
    }
    if (loss) throw *loss;
  }

  // The error for what Gloo said of an exchange with `peer`.
  RankError Lost(int peer, absl::string_view message) {
    if (absl::StrContains(message, "Timed out")) {
      return RankError(absl::StrCat("rank ", rank(), " heard nothing from rank ", peer, " for ",
                                    timeout_.count() / 1000.0, " s"));
    }
    std::vector<int> lost;  // more than one where a rank has already given up
    for (int other = 0; other < size(); ++other) {
      if (other != rank() && IsLost(other)) lost.push_back(other);
    }
    if (!lost.empty()) {
      return RankError(absl::StrCat("rank ", rank(), " lost the connection to rank ",
                                    absl::StrJoin(lost, ", rank ")));
    }
    return RankError(absl::StrCat("rank ", rank(), " lost a connection while it waited for rank ",
                                  peer, ": ", message));
  }

  // Gloo does not say which connections are broken, but refuses to receive by them.
  bool IsLost(int peer) {
    constexpr uint64_t kNoTransfer = ~uint64_t{0};
    char byte;
    try {
      context_->createUnboundBuffer(&byte, sizeof byte)->recv(peer, kNoTransfer);
      return false;
    } catch (const gloo::Exception&) {
      return true;
    }
  }

  std::shared_ptr<gloo::rendezvous::Context> context_;
  const milliseconds timeout_;
  uint64_t slot_ = 0;
};

// All ranks must have been told of as many ranks.
absl::Status CheckWorldSize(const RankEnvironment& ranks, Rendezvous& store) {
  const std::string mine = absl::StrCat(ranks.world_size);
  absl::Status status = store.SetFirst("world_size", mine);
  if (!status.ok()) return status;
  const absl::StatusOr<std::string> first = store.Get("world_size");
  if (!first.ok()) return first.status();
  if (*first == mine) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("rank ", ranks.rank, ": was told of ", mine,
                                                    " ranks, another rank of ", *first,
                                                    " (WORLD_SIZE)"));
}

// Ranks that have not come to the meeting: "rank 1, rank 3". Gloo keeps a rank's addresses under
// its number.
std::string MissingRanks(const RankEnvironment& ranks, const std::string& prefix,
                         Rendezvous& store) {
  std::vector<std::string> missing;
  for (int rank = 0; rank < ranks.world_size; ++rank) {
    if (!store.Has(absl::StrCat(prefix, rank)).value_or(true)) {
      missing.push_back(absl::StrCat("rank ", rank));
    }
  }
  return absl::StrJoin(missing, ", ");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Communicator>> ConnectGloo(const RankEnvironment& ranks,
                                                          const std::string& name,
                                                          milliseconds timeout, Rendezvous& store) {
  if (absl::Status status = CheckWorldSize(ranks, store); !status.ok()) return status;
  const absl::StatusOr<std::string> address = OwnAddress(ranks);
  if (!address.ok()) return address.status();
  const std::string prefix = absl::StrCat("gloo/", name, "/");
  // Gloo writes to connections that a lost rank has closed: an error for this rank, not its end.
  signal(SIGPIPE, SIG_IGN);
  try {
    GlooStore prefixed(store, prefix);
    auto device = gloo::transport::tcp::CreateDevice(gloo::transport::tcp::attr(address->c_str()));
    auto context = std::make_shared<gloo::rendezvous::Context>(ranks.rank, ranks.world_size);
    context->setTimeout(std::max(timeout, kStartTimeout));
    context->connectFullMesh(prefixed, device);
    return std::make_unique<GlooCommunicator>(std::move(context), timeout);
  } catch (const std::exception& error) {
    const std::string missing = MissingRanks(ranks, prefix, store);
    return absl::UnavailableError(absl::StrCat(
        "rank ", ranks.rank, " of ", ranks.world_size, ": connecting to the other ranks: ",
        missing.empty() ? "" : absl::StrCat(missing, " did not come; "), error.what()));
  }
}

}  // namespace forensics::runner
