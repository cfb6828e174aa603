// Walks through a JSON file value by value, in constant memory.
#ifndef ANALYZER_READING_JSON_CURSOR_H_
#define ANALYZER_READING_JSON_CURSOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "analyzer/reading/byte_stream.h"
#include "analyzer/reading/float_parser.h"
#include "analyzer/reading/structure_budget.h"
#include "rapidjson/reader.h"
#include "schema/bounded_stream.h"
#include "schema/experiment_json.h"

namespace forensics::analyzer {

// null, a boolean, an integer, another number (an integer beyond int64 too), a string.
using JsonScalar = std::variant<std::monostate, bool, int64_t, double, std::string>;

// The caller asks for what it expects next, in the file's order; RapidJSON reads the strings, the
// scalars and what is skipped, float_parser.h the vectors. An error says file, byte, line, JSON
// path and cause; a file that ends too early is said to be truncated. After an error the cursor is
// void.
class JsonCursor {
 public:
  enum class Kind { kObject, kArray, kString, kNumber, kBoolean, kNull, kNone };

  // What the cursor hands out is taken from `budget`, its own if null; beyond it ResourceExhausted.
  static absl::StatusOr<std::unique_ptr<JsonCursor>> Open(
      const std::string& path, std::shared_ptr<StructureBudget> budget = nullptr);

  // Another cursor of the same open file, at `offset`, with this one's path, the same budget and no
  // checker.
  std::unique_ptr<JsonCursor> At(size_t offset) const;

  // Tells `checker` of all that is read from here on; what it thinks of it stops nothing.
  void set_checker(schema::ExperimentChecker* checker) { checker_ = checker; }

  // What comes next, judged by its first byte (NaN and Infinity are numbers).
  Kind Peek();

  // Calls `member` for each key; it must consume the key's value. A key that comes twice is an
  // error: which of its values is meant would be a guess.
  absl::Status ReadObject(absl::FunctionRef<absl::Status(const std::string& key)> member);

  // Calls `element` for each element, which it must consume.
  absl::Status ReadArray(absl::FunctionRef<absl::Status()> element);

  // For arrays that are read in pieces (run_pieces.h): what ReadArray does, step by step.
  //
  // Takes the '['; true if an element follows it. The checker is told.
  absl::StatusOr<bool> EnterArray();
  // Behind an element: takes the comma and true, or takes the ']' and false; an error else.
  absl::StatusOr<bool> NextElement();
  // Calls `element` for element `index`, with the path that it has.
  absl::Status ReadElement(int64_t index, absl::FunctionRef<absl::Status()> element);
  // Goes on elsewhere in the file.
  void MoveTo(size_t offset);

  // Offset in the file, and the file's size, 0 where it is not known.
  size_t Tell() const { return stream_->Tell(); }
  size_t file_size() const { return stream_->file_size(); }
  // The place of the next '{' from `begin` up to `end` that `first_key`, in its quotes, follows and
  // a comma is before; `end` if there is none. What it finds need not be what it looks like.
  size_t FindObject(absl::string_view first_key, size_t begin, size_t end) const;

  // What this cursor took from the budget and still holds. Whoever keeps what was read keeps the
  // share; it goes back with the cursor otherwise.
  BudgetShare& share() { return share_; }

  // Strings must be valid UTF-8. NaN and infinities are allowed.
  absl::StatusOr<JsonScalar> ReadScalar();

  // An array of numbers as the nearest float32 of each (ReadFloat32Array). `text`, if not null,
  // becomes the array as it is spelled, or empty if it is very long or much longer than those
  // before; `odd`, if not null, becomes the array's counts.
  absl::Status ReadFloats(std::vector<float>& values, std::string* text = nullptr,
                          OddValues* odd = nullptr);

  // If an array follows that is spelled exactly as `text`, not empty, passes over it and returns
  // true: it holds what the array with that text held.
  bool SkipFloatsSpelled(absl::string_view text);

  // Any value, nested at most 100 deep; also in it no key comes twice.
  absl::Status Skip();

  // Fails if anything but white space follows, or if the file is not what it was when it was
  // opened.
  absl::Status Finish();

  // The current place in the file, for an error that the caller finds: `cause` such as
  // "expected a string".
  absl::Status Error(absl::string_view cause) const;

  // The same at `offset`, also once the file was read to its end and is not truncated.
  absl::Status ErrorOfWhole(size_t offset, absl::string_view cause) const;

 private:
  JsonCursor(std::string path, std::unique_ptr<ByteStream> stream,
             std::shared_ptr<StructureBudget> budget);

  void SkipSpace();
  void TellCheckerOfVector();
  absl::Status ErrorAt(size_t offset, absl::string_view cause) const;
  // Fails once what was handed out may take more memory than any file of real size.
  absl::Status Charge(size_t bytes);
  absl::Status OverBudgetError(size_t offset) const;
  template <typename Handler>
  absl::Status Parse(Handler& handler, schema::BoundedStream<ByteStream>& stream);
  // Parses into `handler`, and tells `checker` if there is one.
  template <typename Handler>
  absl::Status ParseAndCheck(Handler& handler, schema::BoundedStream<ByteStream>& stream);
  absl::StatusOr<std::string> ReadKey();
  absl::Status TakeColon();
  // Takes `close`, and returns true, or the comma before the next element.
  absl::StatusOr<bool> AtClose(char close, bool first);

  std::string file_;
  std::unique_ptr<ByteStream> stream_;
  rapidjson::Reader reader_;
  schema::ExperimentChecker* checker_ = nullptr;
  std::vector<std::string> path_;
  size_t longest_text_ = 0;  // of an array of numbers whose text was asked for
  BudgetShare share_;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_READING_JSON_CURSOR_H_
