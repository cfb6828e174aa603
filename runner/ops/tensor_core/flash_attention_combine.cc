#include "runner/ops/tensor_core/flash_attention_combine.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "runner/ops/tensor_core/cuda_math.h"

namespace forensics::runner {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Threads that share a query's log-sum-exps: of 128, all but what other queries of the thread block
// take (4, 8 or 16 queries by the head's width), and no more than the kernel's splits, a power of
// two.
int Threads(int splits, int64_t head_dim) {
  const int queries = head_dim % 128 == 0 ? 4 : head_dim % 64 == 0 ? 8 : 16;
  int kernel_splits = 2;
  while (kernel_splits < splits) kernel_splits *= 2;
  return std::min(128 / queries, kernel_splits);
}

// Thread t adds up terms t, t + threads, ...; then a butterfly of shuffles.
float SumOfThreads(const std::vector<float>& terms, int threads) {
  std::vector<float> sums(threads, 0.0f);
  for (size_t i = 0; i < terms.size(); ++i) sums[i % threads] += terms[i];
  for (int half = threads / 2; half >= 1; half /= 2) {
    for (int t = 0; t < half; ++t) sums[t] += sums[t + half];
  }
  return sums[0];
}

}  // namespace

float CombineSplits(int splits, int64_t head_dim, int64_t stride, const float* log_sum_exps,
                    float* outputs) {
  std::vector<float> l(splits), terms(splits);
  float max = -kInfinity;
  for (int i = 0; i < splits; ++i) {
    l[i] = log_sum_exps[i * stride];
    max = std::fmax(max, l[i]);
  }
  if (max == -kInfinity) max = 0;
  for (int i = 0; i < splits; ++i) terms[i] = CudaExp(l[i] - max);
  const float sum = SumOfThreads(terms, Threads(splits, head_dim));
  const bool is_empty = sum == 0 || std::isnan(sum);
  const float combined = is_empty ? kInfinity : CudaLog(sum) + max;
  std::vector<float> output(head_dim, 0.0f);
  for (int i = 0; i < splits; ++i) {
    const float weight = CudaExp(l[i] - combined);
    const float* part = outputs + i * stride * head_dim;
    for (int64_t d = 0; d < head_dim; ++d) output[d] = std::fma(weight, part[d], output[d]);
  }
  std::copy(output.begin(), output.end(), outputs);
  return combined;
}

}  // namespace forensics::runner
