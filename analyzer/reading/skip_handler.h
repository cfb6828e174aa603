// Passes over a JSON value that nobody asked for, and finds what is wrong with it all the same.
#ifndef ANALYZER_READING_SKIP_HANDLER_H_
#define ANALYZER_READING_SKIP_HANDLER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "analyzer/reading/byte_stream.h"
#include "analyzer/reading/structure_budget.h"
#include "rapidjson/reader.h"
#include "schema/bounded_stream.h"

namespace forensics::analyzer {

inline constexpr size_t kMostKeys = 1 << 20;  // of one object
// What is taken from the budget.
inline constexpr size_t kObjectCharge = 192;
inline constexpr size_t kKeyCharge = 64;  // and the key's bytes
inline constexpr size_t kElementCharge = 16;

std::string OverBudget();  // the messages for what is beyond the budget or kMostKeys
std::string TooManyKeys();
std::string KeyTwice(absl::string_view key);
// A key or path for a message.
std::string ShownText(absl::string_view text);

// A handler for rapidjson::Reader: a value nested at most 100 deep, without a key that comes twice
// or a number that is none. What it keeps meanwhile, the keys of the open objects, is charged to
// `share` and given back behind each object.
class SkipHandler {
 public:
  SkipHandler(schema::BoundedStream<ByteStream>& stream, BudgetShare& share)
      : stream_(stream), share_(share) {}

  bool Null() { return Value(); }
  bool Bool(bool) { return Value(); }
  bool Int(int) { return Value(); }
  bool Uint(unsigned) { return Value(); }
  bool Int64(int64_t) { return Value(); }
  bool Uint64(uint64_t) { return Value(); }
  bool Double(double) { return Value(); }
  bool RawNumber(const char* text, rapidjson::SizeType size, bool copy);
  bool String(const char*, rapidjson::SizeType, bool) { return Value(); }
  bool Key(const char* text, rapidjson::SizeType size, bool copy);
  bool StartObject() { return Open(false); }
  bool EndObject(rapidjson::SizeType) { return Close(); }
  bool StartArray() { return Open(true); }
  bool EndArray(rapidjson::SizeType) { return Close(); }

  // Why it stopped; empty if it did not.
  const std::string& fault() const { return fault_; }
  bool over_budget() const { return over_budget_; }
  // The place within the value: keys and indices.
  std::vector<std::string> Path() const;

 private:
  // An object or array that is open.
  struct Level {
    bool is_array = false;
    int64_t index = -1;
    std::string key;
    absl::flat_hash_set<std::string> keys;
    size_t charged = 0;
  };

  bool Value();
  bool Open(bool is_array);
  bool Close();
  bool Fail(std::string fault);

  schema::BoundedStream<ByteStream>& stream_;
  BudgetShare& share_;
  std::vector<Level> levels_;
  std::string fault_;
  bool over_budget_ = false;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_READING_SKIP_HANDLER_H_
