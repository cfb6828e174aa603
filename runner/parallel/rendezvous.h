// Where ranks meet: a key-value store over TCP (libtorch's TCPStore, the one that torchrun serves).
#ifndef RUNNER_PARALLEL_RENDEZVOUS_H_
#define RUNNER_PARALLEL_RENDEZVOUS_H_

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runner/parallel/rank_environment.h"

namespace forensics::runner {

class Rendezvous {
 public:
  // Serves the store on `port` (0: a free one) of all addresses of this machine. Unavailable if the
  // port is taken.
  static absl::StatusOr<std::unique_ptr<Rendezvous>> Serve(int port,
                                                           std::chrono::milliseconds timeout);

  // Joins the store of these ranks; rank 0 serves it where nobody else does.
  static absl::StatusOr<std::unique_ptr<Rendezvous>> Join(const RankEnvironment& ranks,
                                                          std::chrono::milliseconds timeout);

  virtual ~Rendezvous() = default;

  virtual int port() const = 0;

  // All of the following fail with Unavailable if the store is lost.

  virtual absl::Status Set(const std::string& key, const std::string& value) = 0;

  // Sets `key` unless it has a value already: the first one stays.
  virtual absl::Status SetFirst(const std::string& key, const std::string& value) = 0;

  // Waits for the key; DeadlineExceeded after `timeout`.
  virtual absl::StatusOr<std::string> Get(const std::string& key) = 0;

  virtual absl::StatusOr<bool> Has(const std::string& key) = 0;
};

}  // namespace forensics::runner

#endif  // RUNNER_PARALLEL_RENDEZVOUS_H_
