#include "runner/parallel/agreement.h"

#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

// A code of one byte, then the message; empty: OK.
std::string Encode(const absl::Status& status) {
  if (status.ok()) return "";
  return absl::StrCat(std::string(1, static_cast<char>(status.code())), status.message());
}

absl::Status Decode(const std::string& bytes, int rank) {
  if (bytes.empty()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(bytes[0]),
                      absl::StrCat("rank ", rank, ": ", bytes.substr(1)));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> GatherFromRanks(const std::string& mine,
                                                         Communicator& ranks) {
  try {
    return ranks.GatherBytes(mine);
  } catch (const RankError& error) {
    return absl::AbortedError(error.what());
  }
}

absl::StatusOr<std::string> FromFirstRank(const std::string& mine, Communicator& ranks) {
  auto all = GatherFromRanks(ranks.rank() == 0 ? mine : "", ranks);
  if (!all.ok()) return all.status();
  return (*all)[0];
}

absl::Status AllRanksOk(const absl::Status& mine, Communicator& ranks) {
  if (ranks.size() == 1) return mine;
  const auto all = GatherFromRanks(Encode(mine), ranks);
  if (!all.ok()) return all.status();
  for (int rank = 0; rank < ranks.size(); ++rank) {
    if (absl::Status status = Decode((*all)[rank], rank); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace forensics::runner
