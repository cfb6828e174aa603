#include "runner/ops/cuda/grouped_experts.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#if __has_include(<ATen/ops/_grouped_mm.h>)
#include <ATen/ops/_grouped_mm.h>
#define FORENSICS_HAS_GROUPED_MM
#endif

#include "absl/functional/function_ref.h"
#include "runner/ops/cuda/expert_groups.h"
#include "runner/ops/kernel_log.h"

namespace forensics::runner {
namespace {

using WeightFunction = absl::FunctionRef<at::Tensor()>;

bool CanGroup([[maybe_unused]] const at::Tensor& rows, [[maybe_unused]] const at::Tensor& weights) {
#ifdef FORENSICS_HAS_GROUPED_MM
  return rows.scalar_type() == at::kBFloat16 && weights.size(1) % 8 == 0 &&
         weights.size(2) % 8 == 0;
#else
  return false;
#endif
}

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

// Calls gate_up, takes its product, then calls down: both may return the same memory.
at::Tensor Mix(const at::Tensor& x, const Routing& routing, int64_t first, int64_t held,
               WeightFunction gate_up, WeightFunction down, SwiGluFunction swiglu) {
  const int64_t tokens = x.size(0), hidden = x.size(1), slots = routing.experts.size(1);
  const ExpertGroups groups = GroupByExpertCuda(routing.experts, first, held);
  const at::Tensor sorted = ScatterRowsCuda(x, groups.place_of);
  const at::Tensor inner = swiglu(GroupedProduct(sorted, gate_up(), groups.ends));
  const at::Tensor mixed = GroupedProduct(inner, down(), groups.ends);
  RecordKernel("experts/cuda_weighted_sum", {{"hidden", hidden}, {"slots", slots}}, tokens);
  return WeightedSumCuda(mixed, groups.place_of, routing.weights);
}

// [count, rows, columns] also where count is 1.
at::Tensor DenseStack(const QuantizedWeight& weight, at::ScalarType dtype,
                      DequantizeScratch& scratch) {
  return Dequantize(weight, dtype, scratch).view({weight.count, weight.rows, weight.columns});
}

}  // namespace

at::Tensor MixExpertsCuda(const at::Tensor& x, const Routing& routing, const ExpertWeights& experts,
                          SwiGluFunction swiglu) {
  return Mix(
      x, routing, experts.first, experts.down.size(0), [&] { return experts.gate_up; },
      [&] { return experts.down; }, swiglu);
}

at::Tensor MixExpertsCuda(const at::Tensor& x, const Routing& routing,
                          const QuantizedExperts& experts, DequantizeScratch& scratch,
                          SwiGluFunction swiglu) {
  return Mix(
      x, routing, experts.first, experts.down.count,
      [&] { return DenseStack(experts.gate_up, x.scalar_type(), scratch); },
      [&] { return DenseStack(experts.down, x.scalar_type(), scratch); }, swiglu);
}

}  // namespace forensics::runner
