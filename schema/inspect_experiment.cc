#include "schema/inspect_experiment.h"

#include <rapidjson/error/en.h>
#include <rapidjson/filereadstream.h>
#include <rapidjson/reader.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "schema/bounded_stream.h"
#include "schema/experiment_json.h"
#include "schema/inspect_table.h"
#include "schema/json_number.h"

namespace forensics::schema {
namespace {

constexpr size_t kBufferBytes = 1 << 20;
// Iterative: a file of a million brackets must not exhaust the stack.
constexpr unsigned kFlags = rapidjson::kParseNanAndInfFlag | rapidjson::kParseIterativeFlag |
                            rapidjson::kParseNumbersAsStringsFlag |
                            rapidjson::kParseValidateEncodingFlag;

using Stream = BoundedStream<rapidjson::FileReadStream>;

using Facts = std::map<std::string, std::string>;

struct RunOutline {
  Facts facts;
  int64_t steps = 0;
  std::set<int> layers;
  std::map<std::string, std::set<int64_t>> lengths;  // of vectors, by signal
  int64_t elements = 0;
  int64_t not_finite = 0;
};

// RapidJSON takes a zero byte for the end of the file: whether it is none.
bool IsZeroByte(rapidjson::FileReadStream& bytes) {
  const size_t before = bytes.Tell();
  bytes.Take();
  return bytes.Tell() != before;
}

// Collects what the outline shows while the checker follows the file.
class OutlineHandler {
 public:
  explicit OutlineHandler(Stream& stream) : stream_(stream) {}

  bool Null() { return Checker().Null() && Scalar("null"); }
  bool Bool(bool value) { return Checker().Bool(value) && Scalar(value ? "true" : "false"); }
  // Numbers come as text.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* text, unsigned length, bool copy) {
    if (!Checker().RawNumber(text, length, copy)) return false;
    if (const char* fault = JsonNumberFault({text, length})) {
      number_fault_ = fault;
      return false;
    }
    return Number({text, length});
  }
  bool String(const char* text, unsigned length, bool copy) {
    if (!Checker().String(text, length, copy)) return false;
    if (checker_.InVector()) ++vector_not_finite_;
    return Scalar(absl::string_view(text, length));
  }
  bool StartObject() {
    if (!Checker().StartObject()) return false;
    NoteStep();
    return true;
  }
  bool Key(const char* text, unsigned length, bool copy) {
    return Checker().Key(text, length, copy);
  }
  bool EndObject(unsigned members) { return Checker().EndObject(members); }
  bool StartArray() {
    if (!Checker().StartArray()) return false;
    vector_not_finite_ = 0;
    return true;
  }
  bool EndArray(unsigned elements) {
    const bool in_vector = checker_.InVector();
    if (!Checker().EndArray(elements)) return false;
    if (in_vector) NoteVector(elements);
    return true;
  }

  const ExperimentChecker& checker() const { return checker_; }
  // What is wrong with the number that it stopped at; null if that is not why.
  const char* number_fault() const { return number_fault_; }

  std::string Text() const {
    std::vector<std::vector<std::string>> metadata;
    for (const auto& [name, value] : metadata_) metadata.push_back({name, OneLine(value, 100)});
    return absl::StrCat(FormatTable(metadata, "  "), "\nconfigurations\n",
                        FormatTable(ConfigurationRows(), "  "), "\nruns\n",
                        FormatTable(RunRows(), "  "));
  }

 private:
  // For the next event.
  ExperimentChecker& Checker() {
    stream_.Renew();
    return checker_;
  }

  std::vector<std::string> PathParts() const {
    return absl::StrSplit(absl::string_view(checker_.Path()).substr(1), '/');
  }

  bool Number(absl::string_view text) {
    if (checker_.InVector()) {
      vector_not_finite_ += absl::ascii_isalpha(static_cast<unsigned char>(text.back()));
      return true;
    }
    return Scalar(std::visit([](auto value) { return absl::StrCat(value); }, ReadJsonNumber(text)));
  }

  bool Scalar(absl::string_view text) {
    if (checker_.InVector()) return true;
    const std::vector<std::string> path = PathParts();
    if (path[0] == key::kExperimentMetadata || path.size() == 1) {
      NoteMetadata(path, text);
    } else if (path[0] == key::kConfigurations && path.size() == 3) {
      At(configurations_, path[1])[path[2]] = std::string(text);
    } else if (path[0] == key::kRuns && path.size() == 3) {
      At(runs_, path[1]).facts[path[2]] = OneLine(text, 80);
    }
    return true;
  }

  // The elements of an array stand in one line.
  void NoteMetadata(const std::vector<std::string>& path, absl::string_view text) {
    int index = 0;
    const bool is_element = absl::SimpleAtoi(path.back(), &index);
    const std::string name =
        absl::StrJoin(path.begin() + (path.size() > 1), path.end() - is_element, ".");
    if (is_element && !metadata_.empty() && metadata_.back().first == name) {
      absl::StrAppend(&metadata_.back().second, ", ", text);
    } else {
      metadata_.emplace_back(name, std::string(text));
    }
  }

  // The element of that number in the file.
  template <typename Item>
  static Item& At(std::vector<Item>& items, const std::string& index) {
    items.resize(std::max<size_t>(items.size(), std::stoul(index) + 1));
    return items[std::stoul(index)];
  }

  // A step begins where an object begins inside decode_steps.
  void NoteStep() {
    const std::vector<std::string> path = PathParts();
    if (path.size() == 4 && path[0] == key::kRuns && path[2] == key::kDecodeSteps) {
      ++At(runs_, path[1]).steps;
    }
  }

  void NoteVector(unsigned elements) {
    // runs, 0, decode_steps, 3, hidden_states, layer_1, pos_-1
    const std::vector<std::string> path = PathParts();
    RunOutline& run = At(runs_, path[1]);
    int layer = 0;
    if (absl::SimpleAtoi(absl::StripPrefix(path[5], "layer_"), &layer)) run.layers.insert(layer);
    run.lengths[path[4]].insert(elements);
    run.elements += elements;
    run.not_finite += vector_not_finite_;
  }

  static std::string FactOr(const Facts& facts, const std::string& name) {
    const auto found = facts.find(name);
    return found == facts.end() ? "-" : OneLine(found->second, 40);
  }

  std::vector<std::vector<std::string>> ConfigurationRows() const {
    const std::vector<std::string> names = {
        key::kConfigId, key::kHardware,     key::kVariableValue, key::kDtype,
        key::kDecoding, key::kReproducible, key::kCudaVersion,   key::kTorchVersion};
    std::vector<std::vector<std::string>> rows = {names};
    for (const Facts& facts : configurations_) {
      std::vector<std::string>& row = rows.emplace_back();
      for (const std::string& name : names) row.push_back(FactOr(facts, name));
    }
    return rows;
  }

  std::vector<std::vector<std::string>> RunRows() const {
    std::vector<std::vector<std::string>> rows = {{"config_id", "rep_id", "seconds", "steps",
                                                   "layers", "elements", "not finite",
                                                   "lengths of vectors"}};
    for (const RunOutline& run : runs_) {
      std::vector<std::string> lengths;
      for (const auto& [signal, counts] : run.lengths) {
        lengths.push_back(absl::StrCat(signal, " ", absl::StrJoin(counts, "/")));
      }
      rows.push_back({FactOr(run.facts, key::kConfigId), FactOr(run.facts, key::kRepId),
                      FactOr(run.facts, key::kRuntimeSeconds), absl::StrCat(run.steps),
                      run.layers.empty() ? "-" : absl::StrJoin(run.layers, " "),
                      absl::StrCat(run.elements), absl::StrCat(run.not_finite),
                      run.steps == 0 ? "signals not stored" : absl::StrJoin(lengths, ", ")});
    }
    return rows;
  }

  Stream& stream_;
  ExperimentChecker checker_;
  std::vector<std::pair<std::string, std::string>> metadata_;
  std::vector<Facts> configurations_;
  std::vector<RunOutline> runs_;
  int64_t vector_not_finite_ = 0;
  const char* number_fault_ = nullptr;
};

// Why the reader stopped, and where in the document.
std::string Cause(const OutlineHandler& outline, const Stream& stream,
                  rapidjson::ParseErrorCode code) {
  const ExperimentChecker& checker = outline.checker();
  if (!checker.status().ok()) return std::string(checker.status().message());
  const char* const cause = outline.number_fault() != nullptr ? outline.number_fault()
                            : stream.exhausted()              ? kTokenTooLong
                                                              : rapidjson::GetParseError_En(code);
  return absl::StrCat("at ", checker.Path(), ": ", cause);
}

}  // namespace

absl::StatusOr<std::string> InspectExperiment(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (file == nullptr) return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  std::vector<char> buffer(kBufferBytes);
  rapidjson::FileReadStream bytes(file.get(), buffer.data(), buffer.size());
  const absl::string_view start(bytes.Peek4(), bytes.Peek4() == nullptr ? 0 : 4);
  if (absl::StartsWith(start, kGzipMagic)) {
    return absl::DataLossError(absl::StrCat(path, ": byte 0: ", kIsGzip));
  }
  if (absl::StartsWith(start, kByteOrderMark)) {
    for (size_t i = 0; i < sizeof kByteOrderMark - 1; ++i) bytes.Take();
  }
  Stream stream(bytes);
  OutlineHandler outline(stream);
  rapidjson::Reader reader;
  const rapidjson::ParseResult result = reader.Parse<kFlags>(stream, outline);
  const size_t end = bytes.Tell();
  if (!result.IsError() && IsZeroByte(bytes)) {
    return absl::DataLossError(
        absl::StrCat(path, ": byte ", end, ": expected the end of the file"));
  }
  if (!result.IsError()) {
    return absl::StrCat("experiment ", path, ": sound\n", outline.Text());
  }
  return absl::DataLossError(
      absl::StrCat(path, ": byte ", result.Offset(), ": ", Cause(outline, stream, result.Code())));
}

}  // namespace forensics::schema
