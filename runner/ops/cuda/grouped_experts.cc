#include "runner/ops/cuda/grouped_experts.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/where.h>
#if __has_include(<ATen/ops/_grouped_mm.h>)
#include <ATen/ops/_grouped_mm.h>
#define FORENSICS_HAS_GROUPED_MM
#endif

#include "absl/functional/function_ref.h"
#include "runner/ops/cuda/expert_groups.h"
#include "runner/ops/kernel_log.h"

namespace forensics::runner {
namespace {

// The weights [n, out, in] of the experts held or, where `indices` int32 [n] is defined, of those
// of them; a result is valid until the next call.
using WeightFunction = absl::FunctionRef<at::Tensor(const at::Tensor& indices)>;

// How many (token, slot) pairs take copies of their experts' weights: 400 MB in bfloat16 at the
// size of Qwen3-30B-A3B.
constexpr int64_t kFewPairs = 64;

#ifdef FORENSICS_HAS_GROUPED_MM
bool CanGroup(const at::Tensor& rows, const at::Tensor& weights) {
  return rows.scalar_type() == at::kBFloat16 && weights.size(1) % 8 == 0 &&
         weights.size(2) % 8 == 0;
}
#endif

// rows [pairs, in] in the order of their experts, weights [held, out, in], ends [held] -> [pairs,
// out]; rows from the last end on are undefined.
at::Tensor GroupedProduct(const at::Tensor& rows, const at::Tensor& weights,
                          const at::Tensor& ends) {
  const int64_t in = weights.size(2), out = weights.size(1);
#ifdef FORENSICS_HAS_GROUPED_MM
  if (CanGroup(rows, weights)) {
    RecordKernel("experts/cuda_grouped_mm", {{"in", in}, {"out", out}}, rows.size(0));
    return at::_grouped_mm(rows, weights.transpose(-2, -1), ends);
  }
#endif
  at::Tensor products = at::empty({rows.size(0), out}, rows.options());
  const at::Tensor host_ends = ends.cpu();
  const int32_t* end_of = host_ends.const_data_ptr<int32_t>();
  for (int64_t e = 0, begin = 0; e < weights.size(0); begin = end_of[e++]) {
    if (begin == end_of[e]) continue;
    RecordKernel("experts/cublas_mm", {{"in", in}, {"out", out}}, end_of[e] - begin);
    at::Tensor part = products.slice(0, begin, end_of[e]);
    at::mm_out(part, rows.slice(0, begin, end_of[e]), weights.select(0, e).t());
  }
  return products;
}

at::Tensor MixManyTokens(const at::Tensor& x, const Routing& routing, int64_t first, int64_t held,
                         WeightFunction gate_up, WeightFunction down, SwiGluFunction swiglu) {
  const ExpertGroups groups = GroupByExpertCuda(routing.experts, first, held);
  const at::Tensor sorted = ScatterRowsCuda(x, groups.place_of);
  const at::Tensor inner = swiglu(GroupedProduct(sorted, gate_up({}), groups.ends));
  const at::Tensor mixed = GroupedProduct(inner, down({}), groups.ends);
  return WeightedSumCuda(mixed, groups.place_of, routing.weights);
}

// rows [pairs, in], weights [pairs, out, in] -> [pairs, out].
at::Tensor ProductOfPairs(const at::Tensor& rows, const at::Tensor& weights) {
  RecordKernel("experts/cublas_bmm", {{"in", weights.size(2)}, {"out", weights.size(1)}},
               rows.size(0));
  return at::bmm(rows.unsqueeze(1), weights.transpose(1, 2)).squeeze(1);
}

// The pairs stay in their order. The products of those whose expert is not held are not read.
at::Tensor MixFewTokens(const at::Tensor& x, const Routing& routing, int64_t first, int64_t held,
                        WeightFunction gate_up, WeightFunction down, SwiGluFunction swiglu) {
  const int64_t tokens = x.size(0), hidden = x.size(1), slots = routing.experts.size(1);
  const at::Tensor indices = routing.experts - first;
  const at::Tensor place = at::arange(tokens * slots, indices.options()).view({tokens, slots});
  const at::Tensor place_of =
      at::where((indices >= 0).logical_and(indices < held), place, -1).to(at::kInt);
  const at::Tensor rows = x.unsqueeze(1).expand({tokens, slots, hidden}).reshape({-1, hidden});
  const at::Tensor chosen = indices.flatten();
  const at::Tensor inner = swiglu(ProductOfPairs(rows, gate_up(chosen)));
  return WeightedSumCuda(ProductOfPairs(inner, down(chosen)), place_of, routing.weights);
}

// Calls gate_up, takes its product, then calls down: both may return the same memory.
at::Tensor Mix(const at::Tensor& x, const Routing& routing, int64_t first, int64_t held,
               WeightFunction gate_up, WeightFunction down, SwiGluFunction swiglu) {
  const int64_t pairs = routing.experts.numel();
  RecordKernel("experts/cuda_weighted_sum",
               {{"hidden", x.size(1)}, {"slots", routing.experts.size(1)}}, x.size(0));
  const bool is_few = pairs <= kFewPairs && 2 * pairs <= held;
  return (is_few ? MixFewTokens : MixManyTokens)(x, routing, first, held, gate_up, down, swiglu);
}

// For WeightFunction. Indices outside the stack give some other weight.
at::Tensor Choose(const at::Tensor& stack, const at::Tensor& indices) {
  return indices.defined() ? stack.index_select(0, indices.clamp(0, stack.size(0) - 1)) : stack;
}

at::Tensor Choose(const QuantizedWeight& stack, const at::Tensor& indices, at::ScalarType dtype,
                  DequantizeScratch& scratch) {
  if (indices.defined()) return DequantizeChosen(stack, indices, dtype, scratch);
  return Dequantize(stack, dtype, scratch).view({stack.count, stack.rows, stack.columns});
}

}  // namespace

at::Tensor MixExpertsCuda(const at::Tensor& x, const Routing& routing, const ExpertWeights& experts,
                          SwiGluFunction swiglu) {
  return Mix(
      x, routing, experts.first, experts.down.size(0),
      [&](const at::Tensor& indices) { return Choose(experts.gate_up, indices); },
      [&](const at::Tensor& indices) { return Choose(experts.down, indices); }, swiglu);
}

at::Tensor MixExpertsCuda(const at::Tensor& x, const Routing& routing,
                          const QuantizedExperts& experts, DequantizeScratch& scratch,
                          SwiGluFunction swiglu) {
  const at::ScalarType dtype = x.scalar_type();
  return Mix(
      x, routing, experts.first, experts.down.count,
      [&](const at::Tensor& indices) { return Choose(experts.gate_up, indices, dtype, scratch); },
      [&](const at::Tensor& indices) { return Choose(experts.down, indices, dtype, scratch); },
      swiglu);
}

}  // namespace forensics::runner
