#include "analyzer/reading/runs_reader.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "analyzer/parallel/parallel.h"
#include "analyzer/reading/run_reader.h"

namespace forensics::analyzer {
namespace {

constexpr size_t kSmallestPiece = size_t{1} << 20;
constexpr size_t kLargestPiece = size_t{1} << 25;
constexpr size_t kPiecesACore = 4;  // read before they are put together

// The runs that begin in a part of the file.
struct Piece {
  // Where the part begins and ends.
  size_t from = 0;
  size_t to = 0;
  // Where its first run begins; `to` if none seems to.
  size_t begin = 0;

  // What was read.
  absl::Status status;
  bool fits_schema = true;
  std::vector<RunRecord> runs;
  std::vector<std::string> findings;
  size_t next = 0;                   // the first byte that was not read
  bool more = false;                 // another run follows there; else the array has ended
  std::optional<BudgetShare> share;  // of a piece that was read alone
};

// Gives back what a piece holds, which is then as if it had not been read.
void Drop(Piece& piece) {
  piece.status = absl::CancelledError("not read");
  piece.runs.clear();
  piece.findings.clear();
  piece.share.reset();
}

// Reads the runs from the cursor's place on until one begins at or behind the piece's end.
void ReadPiece(JsonCursor& cursor, int64_t first_index, Piece& piece) {
  Drop(piece);
  do {
    const int64_t index = first_index + static_cast<int64_t>(piece.runs.size());
    piece.status = cursor.ReadElement(index, [&]() -> absl::Status {
      absl::StatusOr<RunRecord> run = ReadRun(cursor, piece.findings);
      if (run.ok()) piece.runs.push_back(*std::move(run));
      return run.status();
    });
    if (!piece.status.ok()) return;
    const absl::StatusOr<bool> more = cursor.NextElement();
    piece.status = more.status();
    if (!more.ok()) return;
    piece.more = *more;
    piece.next = cursor.Tell();
  } while (piece.more && piece.next < piece.to);
}

// Reads a piece by itself, whose first run may be any of the file's.
void ReadPieceAlone(const JsonCursor& array, Piece& piece) {
  const std::unique_ptr<JsonCursor> cursor = array.At(piece.begin);
  schema::ExperimentChecker checker;
  checker.StartObject();
  checker.Key(schema::key::kRuns, sizeof(schema::key::kRuns) - 1, true);
  checker.StartArray();
  cursor->set_checker(&checker);
  ReadPiece(*cursor, 0, piece);
  piece.fits_schema = checker.status().ok();
  piece.share = std::move(cursor->share());
}

// The first key of the object at `begin`, in its quotes.
std::string FirstKey(const JsonCursor& array, size_t begin) {
  std::string first;
  array.At(begin)
      ->ReadObject([&first](const std::string& key) {
        first = absl::StrCat("\"", key, "\"");
        return absl::CancelledError();
      })
      .IgnoreError();
  return first;
}

size_t PiecesAtOnce() { return kPiecesACore * static_cast<size_t>(UsableCores()); }

// Parts of the file from `begin` on. Nothing is known of the last one's end.
std::vector<Piece> Cut(const JsonCursor& cursor, size_t begin, size_t piece_bytes) {
  const size_t size = cursor.file_size() > begin ? cursor.file_size() - begin : 0;
  if (piece_bytes == 0) {
    piece_bytes = std::clamp(size / PiecesAtOnce(), kSmallestPiece, kLargestPiece);
  }
  std::vector<Piece> pieces(std::max<size_t>(1, size / piece_bytes));
  for (size_t i = 0; i < pieces.size(); ++i) {
    pieces[i].from = begin + i * piece_bytes;
    pieces[i].to = i + 1 < pieces.size() ? pieces[i].from + piece_bytes : SIZE_MAX;
    pieces[i].begin = pieces[i].from;
  }
  return pieces;
}

// Reads `pieces` from index `first` on, as many as are read at once. The first piece of all begins
// with a run.
void ReadPieces(const JsonCursor& cursor, const std::string& first_key, size_t first,
                std::vector<Piece>& pieces) {
  std::vector<std::function<void()>> tasks;
  for (size_t i = first; i < std::min(pieces.size(), first + PiecesAtOnce()); ++i) {
    tasks.push_back([&, i] {
      Piece& piece = pieces[i];
      if (i > 0) piece.begin = cursor.FindObject(first_key, piece.from, piece.to);
      if (piece.begin < piece.to) ReadPieceAlone(cursor, piece);
    });
  }
  RunOnAllCores(tasks);
  // Where the budget ends in the order of the file is found by reading one after the other.
  const auto begin = pieces.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = begin + static_cast<std::ptrdiff_t>(tasks.size());
  const bool is_over_budget = std::any_of(
      begin, end, [](const Piece& piece) { return absl::IsResourceExhausted(piece.status); });
  if (is_over_budget) std::for_each(begin, end, Drop);
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Lets `run` hold the vectors of another repetition where they have the same bits.
void ShareVectors(const RunRecord& other, RunRecord& run) {
  for (auto& [signal, vectors] : run.vectors) {
    const auto others = other.vectors.find(signal);
    if (others == other.vectors.end()) continue;
    for (auto& [at, vector] : vectors) {
      const auto known = others->second.find(at);
      if (known != others->second.end() && SameBits(*known->second, *vector)) {
        vector = known->second;
      }
    }
  }
}

// The latest run of each configuration that has all signals, as an index of an experiment's runs.
using LatestRuns = absl::flat_hash_map<std::string, size_t>;

void Append(Piece& piece, const ReadOptions& options, LatestRuns& latest, Experiment& experiment) {
  for (RunRecord& run : piece.runs) {
    const auto other = latest.find(run.config_id);
    if (other != latest.end()) ShareVectors(experiment.runs[other->second], run);
    if (options.before_adding) options.before_adding(experiment, run);
    if (run.stored() && !run.released.has_value()) latest[run.config_id] = experiment.runs.size();
    experiment.runs.push_back(std::move(run));
  }
  piece.runs.clear();
  std::move(piece.findings.begin(), piece.findings.end(), std::back_inserter(experiment.findings));
}

}  // namespace

absl::Status ReadRuns(JsonCursor& cursor, schema::ExperimentChecker& checker,
                      const ReadOptions& options, Experiment& experiment) {
  if (cursor.Peek() == JsonCursor::Kind::kNull) return cursor.Skip();
  absl::StatusOr<bool> entered = cursor.EnterArray();
  if (!entered.ok()) return entered.status();
  const size_t begin = cursor.Tell();
  size_t place = begin;
  LatestRuns latest;
  std::vector<Piece> pieces = Cut(cursor, place, options.piece_bytes);
  const bool is_cut = pieces.size() > 1 && *entered;
  const std::string first_key = is_cut ? FirstKey(cursor, place) : "";
  bool more = *entered;
  int64_t read = 0;
  int64_t unseen = 0;  // by this cursor's checker, since it last looked
  for (size_t i = 0; i < pieces.size() && more; ++i) {
    if (is_cut && i % PiecesAtOnce() == 0) ReadPieces(cursor, first_key, i, pieces);
    Piece& piece = pieces[i];
    if (place >= piece.to) continue;  // all of it is within a run that began before it
    const bool holds = is_cut && piece.begin == place && piece.status.ok() &&
                       (piece.fits_schema || !checker.status().ok());
    if (holds) {
      unseen += static_cast<int64_t>(piece.runs.size());
      cursor.share().Absorb(*std::move(piece.share));
    } else {
      if (is_cut) cursor.MoveTo(place);
      checker.SkipElements(std::exchange(unseen, 0));
      ReadPiece(cursor, read, piece);
      if (!piece.status.ok()) return piece.status;
    }
    read += static_cast<int64_t>(piece.runs.size());
    place = piece.next;
    more = piece.more;
    if (static_cast<size_t>(read) > kMostRuns) {
      cursor.MoveTo(begin);
      return cursor.Error(absl::StrCat("more than ", kMostRuns, " runs"));
    }
    Append(piece, options, latest, experiment);
  }
  if (is_cut) cursor.MoveTo(place);
  checker.SkipElements(unseen);
  checker.EndArray(static_cast<unsigned>(read));
  return absl::OkStatus();
}

}  // namespace forensics::analyzer
