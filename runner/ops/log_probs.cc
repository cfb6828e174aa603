#include "runner/ops/log_probs.h"

#include <ATen/ops/argmax.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

constexpr int64_t kLanes = 16;

absl::Status CheckLogits(const at::Tensor& logits) {
  if (logits.dim() == 2 && logits.size(1) >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("logits: expected [rows, vocab], found ",
                                                 logits.dim(), " dimensions of ", logits.numel(),
                                                 " elements"));
}

// Row-contiguous float32 on the CPU; exact.
at::Tensor Widened(const at::Tensor& logits) {
  return logits.to(at::kCPU).to(at::kFloat).contiguous();
}

// True if logit a of id i comes before logit b of id j.
bool ComesBefore(float a, int64_t i, float b, int64_t j) {
  const bool a_nan = std::isnan(a), b_nan = std::isnan(b);
  if (a_nan != b_nan) return a_nan;
  if (a > b) return true;
  if (a < b) return false;
  return i < j;
}

int64_t LargestId(const float* row, int64_t vocab) {
  int64_t best = 0;
  for (int64_t i = 1; i < vocab; ++i) {
    if (ComesBefore(row[i], i, row[best], best)) best = i;
  }
  return best;
}

// log(sum(exp(row))), in lanes whose order is fixed.
double LogSumExp(const float* row, int64_t vocab) {
  const double largest = row[LargestId(row, vocab)];
  double sums[kLanes] = {};
  for (int64_t i = 0; i < vocab; ++i) sums[i % kLanes] += std::exp(row[i] - largest);
  return largest + std::log(std::accumulate(sums, sums + kLanes, 0.0));
}

}  // namespace

absl::StatusOr<TopTokens> TopLogProbs(const at::Tensor& logits, int64_t k) {
  if (absl::Status status = CheckLogits(logits); !status.ok()) return status;
  const int64_t rows = logits.size(0), vocab = logits.size(1);
  if (k < 1 || k > vocab) {
    return absl::InvalidArgumentError(
        absl::StrCat("k: expected 1 to ", vocab, " (the vocabulary), found ", k));
  }
  const at::Tensor wide = Widened(logits);
  TopTokens top{at::empty({rows, k}, at::kLong), at::empty({rows, k}, at::kFloat)};
  std::vector<int64_t> order(vocab);
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = wide.const_data_ptr<float>() + r * vocab;
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + k, order.end(),
                      [row](int64_t i, int64_t j) { return ComesBefore(row[i], i, row[j], j); });
    const double total = LogSumExp(row, vocab);
    for (int64_t i = 0; i < k; ++i) {
      top.ids.mutable_data_ptr<int64_t>()[r * k + i] = order[i];
      top.log_probs.mutable_data_ptr<float>()[r * k + i] =
          static_cast<float>(row[order[i]] - total);
    }
  }
  return top;
}

absl::StatusOr<at::Tensor> LogProbsAt(const at::Tensor& logits, const at::Tensor& ids) {
  if (absl::Status status = CheckLogits(logits); !status.ok()) return status;
  const int64_t rows = logits.size(0), vocab = logits.size(1);
  if (ids.dim() != 2 || ids.size(0) != rows || ids.scalar_type() != at::kLong) {
    return absl::InvalidArgumentError(absl::StrCat("ids: expected int64 [", rows, ", k], found ",
                                                   c10::toString(ids.scalar_type()), " of ",
                                                   ids.dim(), " dimensions"));
  }
  const int64_t k = ids.size(1);
  const at::Tensor wide = Widened(logits), wanted = ids.to(at::kCPU).contiguous();
  at::Tensor out = at::empty({rows, k}, at::kFloat);
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = wide.const_data_ptr<float>() + r * vocab;
    const double total = LogSumExp(row, vocab);
    for (int64_t i = 0; i < k; ++i) {
      const int64_t id = wanted.const_data_ptr<int64_t>()[r * k + i];
      if (id < 0 || id >= vocab) {
        return absl::InvalidArgumentError(
            absl::StrCat("ids[", r, "][", i, "]: expected 0 to ", vocab - 1, ", found ", id));
      }
      out.mutable_data_ptr<float>()[r * k + i] = static_cast<float>(row[id] - total);
    }
  }
  return out;
}

absl::StatusOr<std::vector<int64_t>> ArgMax(const at::Tensor& logits) {
  if (absl::Status status = CheckLogits(logits); !status.ok()) return status;
  const int64_t rows = logits.size(0), vocab = logits.size(1);
  std::vector<int64_t> ids(rows);
  if (!logits.is_cpu()) {  // the whole vocabulary need not leave the GPU
    const at::Tensor largest = at::argmax(logits, /*dim=*/1).cpu();
    std::copy_n(largest.const_data_ptr<int64_t>(), rows, ids.data());
    return ids;
  }
  const at::Tensor wide = Widened(logits);
  for (int64_t r = 0; r < rows; ++r) {
    ids[r] = LargestId(wide.const_data_ptr<float>() + r * vocab, vocab);
  }
  return ids;
}

}  // namespace forensics::runner
