#include "runner/parallel/rendezvous.h"

#include <c10/util/Logging.h>
#include <c10/util/intrusive_ptr.h>

#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <type_traits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

// The first line of what libtorch says; a stack trace may follow.
std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// Runs `function`, which returns a StatusOr or a Status, and turns what the store throws into one.
template <typename Function>
std::invoke_result_t<Function> CatchStore(const std::string& what, const Function& function) {
  try {
    return function();
  } catch (const c10::Error& error) {
    const std::string message = absl::StrCat(what, ": ", FirstLine(error.what_without_backtrace()));
    const std::string lower = absl::AsciiStrToLower(message);
    if (absl::StrContains(lower, "timeout") || absl::StrContains(lower, "timed out")) {
      return absl::DeadlineExceededError(message);
    }
    return absl::UnavailableError(message);
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat(what, ": ", FirstLine(error.what())));
  }
}

class TcpRendezvous : public Rendezvous {
 public:
  explicit TcpRendezvous(c10::intrusive_ptr<c10d::TCPStore> store) : store_(std::move(store)) {}

  int port() const override { return store_->getPort(); }

  absl::Status Set(const std::string& key, const std::string& value) override {
    return CatchStore(key, [&] {
      store_->set(key, std::vector<uint8_t>(value.begin(), value.end()));
      return absl::OkStatus();
    });
  }

  absl::Status SetFirst(const std::string& key, const std::string& value) override {
    return CatchStore(key, [&] {
      store_->compareSet(key, {}, std::vector<uint8_t>(value.begin(), value.end()));
      return absl::OkStatus();
    });
  }

  absl::StatusOr<std::string> Get(const std::string& key) override {
    return CatchStore(key, [&]() -> absl::StatusOr<std::string> {
      const std::vector<uint8_t> value = store_->get(key);
      return std::string(value.begin(), value.end());
    });
  }

  absl::StatusOr<bool> Has(const std::string& key) override {
    return CatchStore(key, [&]() -> absl::StatusOr<bool> { return store_->check({key}); });
  }

 private:
  c10::intrusive_ptr<c10d::TCPStore> store_;
};

absl::StatusOr<std::unique_ptr<Rendezvous>> Open(const std::string& host, int port, bool serves,
                                                 std::chrono::milliseconds timeout) {
  const std::string what =
      absl::StrCat(serves ? "serving the ranks' store on port " : "reaching the ranks' store at ",
                   serves ? "" : absl::StrCat(host, ":"), port == 0 ? "(any)" : absl::StrCat(port));
  return CatchStore(what, [&]() -> absl::StatusOr<std::unique_ptr<Rendezvous>> {
    // Its warnings are of host names that do not resolve; errors are thrown as well.
    constexpr int kErrors = 2;
    FLAGS_caffe2_log_level = kErrors;
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(port);
    options.isServer = serves;
    options.waitWorkers = false;
    options.timeout = timeout;
    return std::make_unique<TcpRendezvous>(c10::make_intrusive<c10d::TCPStore>(host, options));
  });
}

}  // namespace

absl::StatusOr<std::unique_ptr<Rendezvous>> Rendezvous::Serve(int port,
                                                              std::chrono::milliseconds timeout) {
  return Open("127.0.0.1", port, /*serves=*/true, timeout);
}

absl::StatusOr<std::unique_ptr<Rendezvous>> Rendezvous::Join(const RankEnvironment& ranks,
                                                             std::chrono::milliseconds timeout) {
  return Open(ranks.master_address, ranks.master_port, ranks.rank == 0 && !ranks.store_is_served,
              timeout);
}

}  // namespace forensics::runner
