// SHA-256 by OpenSSL.
#ifndef SCHEMA_DIGEST_H_
#define SCHEMA_DIGEST_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::schema {

// An incremental SHA-256.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Update(absl::string_view bytes);
  // The 32 bytes; the object is used up.
  std::string Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string Sha256Bytes(absl::string_view bytes);  // 32 bytes
std::string Sha256Hex(absl::string_view bytes);    // 64 hexadecimal digits
absl::StatusOr<std::string> Sha256HexOfFile(const std::string& path);

}  // namespace forensics::schema

#endif  // SCHEMA_DIGEST_H_
