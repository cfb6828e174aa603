#include "runner/parallel/rank_sum.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Exception.h>
#include <c10/util/Half.h>

#include <algorithm>

namespace forensics::runner {
namespace {

constexpr int64_t kBlock = 1024;  // elements whose sums stay in the cache of a core

template <typename T>
void Sum(const std::vector<const void*>& parts, int64_t count, T* out) {
  float sums[kBlock];
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t some = std::min(kBlock, count - begin);
    const auto part = [&](size_t rank) { return static_cast<const T*>(parts[rank]) + begin; };
    for (int64_t i = 0; i < some; ++i) sums[i] = static_cast<float>(part(0)[i]);
    for (size_t rank = 1; rank < parts.size(); ++rank) {
      const T* const addend = part(rank);
      for (int64_t i = 0; i < some; ++i) sums[i] += static_cast<float>(addend[i]);
    }
    for (int64_t i = 0; i < some; ++i) out[begin + i] = static_cast<T>(sums[i]);
  }
}

}  // namespace

void SumInRankOrder(const std::vector<const void*>& parts, int64_t count, c10::ScalarType type,
                    void* out) {
  switch (type) {
    case c10::ScalarType::Float:
      return Sum(parts, count, static_cast<float*>(out));
    case c10::ScalarType::BFloat16:
      return Sum(parts, count, static_cast<c10::BFloat16*>(out));
    case c10::ScalarType::Half:
      return Sum(parts, count, static_cast<c10::Half*>(out));
    default:
      TORCH_CHECK(false, "sum over ranks: expected float32, bfloat16 or float16, found ", type);
  }
}

}  // namespace forensics::runner
