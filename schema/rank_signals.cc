#include "schema/rank_signals.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "schema/shard.h"

namespace forensics::schema {
namespace {

absl::Status Contradiction(const std::string& message) { return absl::DataLossError(message); }

uint32_t BitsAt(const Values& values, size_t width, size_t element) {
  uint32_t bits = 0;
  std::memcpy(&bits, values.data().data() + element * width, width);
  return bits;
}

absl::Status CheckReplica(const std::string& where, size_t rank_a, const Values& a, size_t rank_b,
                          const Values& b) {
  const std::string ranks = absl::StrCat(where, ": ranks ", rank_a, " and ", rank_b);
  if (a.dtype() != b.dtype() || BytesPerElement(a.dtype()) == 0 ||
      a.data().size() != b.data().size()) {
    return Contradiction(absl::StrCat(ranks, " hold ", a.data().size(), " bytes of ",
                                      DType_Name(a.dtype()), " and ", b.data().size(), " of ",
                                      DType_Name(b.dtype())));
  }
  if (a.data() == b.data()) return absl::OkStatus();
  const size_t width = BytesPerElement(a.dtype());
  const size_t count = a.data().size() / width;
  size_t first = count, differing = 0;
  for (size_t i = 0; i < count; ++i) {
    if (BitsAt(a, width, i) == BitsAt(b, width, i)) continue;
    first = std::min(first, i);
    ++differing;
  }
  const int digits = static_cast<int>(2 * width);
  return Contradiction(
      absl::StrCat(ranks, " are no replicas: element ", first,
                   absl::StrFormat(" is 0x%0*x and 0x%0*x", digits, BitsAt(a, width, first), digits,
                                   BitsAt(b, width, first)),
                   "; ", differing, " of ", count, " elements differ"));
}

// The same for a list of log-probs and its ids.
absl::Status CheckReplica(const std::string& where, size_t rank_a, const LogProbs& a, size_t rank_b,
                          const LogProbs& b) {
  const auto same = [](const auto& left, const auto& right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end());
  };
  if (!same(a.token_ids(), b.token_ids()) || !same(a.slots(), b.slots())) {
    return Contradiction(absl::StrCat(where, ": ranks ", rank_a, " and ", rank_b,
                                      " are no replicas: their token ids or slots differ"));
  }
  if (a.log_probs().data().size() != a.token_ids_size() * sizeof(float)) {
    return Contradiction(absl::StrCat(where, ": rank ", rank_a, " holds ",
                                      a.log_probs().data().size(), " bytes of float32 for ",
                                      a.token_ids_size(), " token ids"));
  }
  return CheckReplica(where, rank_a, a.log_probs(), rank_b, b.log_probs());
}

template <typename Signal>
absl::StatusOr<const Signal*> Agreed(const std::string& where, const Slice& slice,
                                     const std::vector<const Signal*>& of_rank) {
  const size_t first = slice.ranks.front();
  for (const size_t rank : slice.ranks) {
    absl::Status status = CheckReplica(where, first, *of_rank[first], rank, *of_rank[rank]);
    if (!status.ok()) return status;
  }
  return of_rank[first];
}

absl::Status CheckPart(const std::string& where, const Slice& slice, const Values& values,
                       DType dtype) {
  const auto elements = static_cast<int64_t>(values.data().size() / BytesPerElement(dtype));
  if (values.dtype() == dtype && elements == slice.end - slice.begin) return absl::OkStatus();
  return Contradiction(absl::StrCat(where, ": rank ", slice.ranks.front(), " holds ", elements,
                                    " elements of ", DType_Name(values.dtype()), ", expected ",
                                    slice.end - slice.begin, " of ", DType_Name(dtype)));
}

// Puts the entries of the ranks' lists into their places.
class LogProbsJoiner {
 public:
  LogProbsJoiner(const std::string& where, int entries)
      : where_(where), ids_(entries, -1), bytes_(entries * sizeof(float), '\0') {}

  absl::Status Add(const Slice& slice, const LogProbs& part) {
    const std::string rank = absl::StrCat(where_, ": rank ", slice.ranks.front());
    if (part.slots_size() != part.token_ids_size()) {
      return Contradiction(absl::StrCat(rank, " holds a part of the vocabulary, but ",
                                        part.slots_size(), " slots for ", part.token_ids_size(),
                                        " entries"));
    }
    for (int i = 0; i < part.slots_size(); ++i) {
      const int64_t id = part.token_ids(i);
      const auto slot = static_cast<size_t>(part.slots(i));
      if (id < slice.begin || id >= slice.end) {
        return Contradiction(absl::StrCat(rank, " holds token id ", id, ", but vocabulary [",
                                          slice.begin, ", ", slice.end, ")"));
      }
      if (slot >= ids_.size() || ids_[slot] >= 0) {
        return Contradiction(absl::StrCat(rank, " fills slot ", part.slots(i), " of ", ids_.size(),
                                          slot < ids_.size() ? ", which is filled already" : ""));
      }
      ids_[slot] = id;
      part.log_probs().data().copy(&bytes_[slot * sizeof(float)], sizeof(float), i * sizeof(float));
    }
    return absl::OkStatus();
  }

  // As many entries as slots, none of them twice: all are filled.
  LogProbs Finish() && {
    LogProbs joined;
    joined.mutable_token_ids()->Add(ids_.begin(), ids_.end());
    *joined.mutable_log_probs() = MakeValues(FLOAT32, std::move(bytes_));
    return joined;
  }

 private:
  const std::string where_;
  std::vector<int64_t> ids_;
  std::string bytes_;
};

}  // namespace

absl::StatusOr<const Values*> AgreedValues(const std::string& where, const Slice& slice,
                                           const std::vector<const Values*>& of_rank) {
  return Agreed(where, slice, of_rank);
}

absl::StatusOr<Values> JoinValues(const std::string& where, const std::vector<Slice>& slices,
                                  const std::vector<const Values*>& of_rank) {
  std::string data;
  const DType dtype = of_rank.front()->dtype();
  for (const Slice& slice : slices) {
    const absl::StatusOr<const Values*> agreed = Agreed(where, slice, of_rank);
    if (!agreed.ok()) return agreed.status();
    if (slice.end == 0) return **agreed;
    if (absl::Status status = CheckPart(where, slice, **agreed, dtype); !status.ok()) {
      return status;
    }
    data.append((*agreed)->data());
  }
  return MakeValues(dtype, std::move(data));
}

absl::StatusOr<LogProbs> JoinLogProbs(const std::string& where, const std::vector<Slice>& slices,
                                      const std::vector<const LogProbs*>& of_rank) {
  std::vector<const LogProbs*> parts;
  int entries = 0;
  for (const Slice& slice : slices) {
    const absl::StatusOr<const LogProbs*> agreed = Agreed(where, slice, of_rank);
    if (!agreed.ok()) return agreed.status();
    parts.push_back(*agreed);
    entries += (*agreed)->token_ids_size();
  }
  if (slices.size() == 1) {
    if (parts.front()->slots().empty()) return *parts.front();
    return Contradiction(absl::StrCat(where, ": all ranks hold the whole vocabulary, but slots"));
  }
  LogProbsJoiner joiner(where, entries);
  for (size_t i = 0; i < slices.size(); ++i) {
    if (absl::Status status = joiner.Add(slices[i], *parts[i]); !status.ok()) return status;
  }
  return std::move(joiner).Finish();
}

}  // namespace forensics::schema
