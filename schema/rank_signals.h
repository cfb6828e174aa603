// The signals of many ranks put together: replicas checked, parts in their order.
#ifndef SCHEMA_RANK_SIGNALS_H_
#define SCHEMA_RANK_SIGNALS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "schema/run.pb.h"

namespace forensics::schema {

// Elements or token ids [begin, end), and the ranks that hold them, each a replica of the others.
// `end` is 0 where a rank holds everything and no part was said.
struct Slice {
  int64_t begin = 0;
  int64_t end = 0;
  std::vector<size_t> ranks;
};

// Each function takes the ranks' own values, by rank, and slices that follow one another from 0.
// DataLoss begins with `where`, names the ranks, and of replicas the first element that differs
// with both bit patterns.

// The value that all ranks of the slice agree on, bit for bit.
absl::StatusOr<const Values*> AgreedValues(const std::string& where, const Slice& slice,
                                           const std::vector<const Values*>& of_rank);

// The slices' elements, one after another.
absl::StatusOr<Values> JoinValues(const std::string& where, const std::vector<Slice>& slices,
                                  const std::vector<const Values*>& of_rank);

// The slices' entries, each in its slot; of a single slice its list as it is, which has no slots.
absl::StatusOr<LogProbs> JoinLogProbs(const std::string& where, const std::vector<Slice>& slices,
                                      const std::vector<const LogProbs*>& of_rank);

}  // namespace forensics::schema

#endif  // SCHEMA_RANK_SIGNALS_H_
