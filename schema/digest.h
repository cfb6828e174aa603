// SHA-256 by OpenSSL.
#ifndef SCHEMA_DIGEST_H_
#define SCHEMA_DIGEST_H_

#include <cstdint>
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

// SHA-256 (hex) over the ids as little-endian int32: what stands for a prompt.
template <typename Ids>
std::string TokenIdsSha256(const Ids& ids) {
  std::string bytes;
  for (const int64_t id : ids) {
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(id >> shift));
  }
  return Sha256Hex(bytes);
}

}  // namespace forensics::schema

#endif  // SCHEMA_DIGEST_H_
