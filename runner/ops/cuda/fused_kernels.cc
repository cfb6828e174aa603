#include "runner/ops/cuda/fused_kernels.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>

#include "runner/ops/cuda/row_launch.h"
#include "runner/ops/cuda/split_heads_arguments.h"
#include "runner/ops/cuda/typed_kernel.h"
#include "runner/ops/kernel_log.h"

extern const nvrtc::Cubins rms_norm_cubins, route_tokens_cubins, split_heads_cubins, swiglu_cubins;

namespace forensics::runner {
namespace {

const TypedKernel kRmsNorm(rms_norm_cubins, "rms_norm_bf16", "rms_norm_f32");
const TypedKernel kAddRmsNorm(rms_norm_cubins, "add_rms_norm_bf16", "add_rms_norm_f32");
const TypedKernel kSplitHeads(split_heads_cubins, "split_heads_bf16", "split_heads_f32");
const TypedKernel kRouteTokens(route_tokens_cubins, "route_tokens_bf16", "route_tokens_f32");
const TypedKernel kSwiGlu(swiglu_cubins, "swiglu_bf16", "swiglu_f32");

constexpr int kThreads = 256;
constexpr int kLanesOfWarp = 32;

// A block for each of the rows of x, whose threads, at most `most`, share `pieces` evenly.
Launch RowLaunch(const at::Tensor& x, int64_t pieces, int64_t most) {
  Launch launch;
  launch.blocks[0] = x.size(0);
  launch.threads = RowThreads(pieces, most);
  return launch;
}

// A thread a chunk, the row in shared memory.
Launch NormLaunch(const at::Tensor& x) {
  const int64_t chunks = ChunksOf(x.size(1));
  Launch launch = RowLaunch(x, chunks, kMostNormThreads);
  launch.shared_bytes = ToInt(chunks * kChunkElements * x.element_size());
  return launch;
}

// `threads` in all.
Launch FlatLaunch(int64_t threads) {
  Launch launch;
  launch.blocks[0] = CeilDivide(ToInt(threads), kThreads);
  launch.threads = kThreads;
  return launch;
}

void CheckRows(const at::Tensor& x, const at::Tensor& weight) {
  CheckOnGpu(x, "rms_norm: x");
  CheckOnGpu(weight, "rms_norm: weight");
  TORCH_CHECK(weight.numel() == x.size(1) && weight.scalar_type() == x.scalar_type(),
              "rms_norm: weight: expected ", x.scalar_type(), " [", x.size(1), "], found ",
              weight.scalar_type(), " ", weight.sizes());
}

// Checked.
int LanesOfHead(int64_t half) {
  TORCH_CHECK(2 * half <= kMaxHeadDim, "rotary: head_dim: expected at most ", kMaxHeadDim,
              ", found ", 2 * half);
  return LanesOfHeadLog2(half);
}

HeadPlaces PlacesOf(at::Tensor& heads) {
  return {heads.mutable_data_ptr(), heads.stride(0), heads.stride(1), heads.stride(2)};
}

bool InChunks(const HeadPlaces& places) {
  return IsAligned(places.base) && places.batch_stride % kChunkElements == 0 &&
         places.head_stride % kChunkElements == 0 && places.token_stride % kChunkElements == 0;
}

void CheckHeads(const at::Tensor& heads, const at::Tensor& like, const char* name) {
  TORCH_CHECK(heads.is_cuda() && heads.dim() == 4 && heads.stride(3) == 1 &&
                  heads.scalar_type() == like.scalar_type(),
              "rotary: ", name, ": expected ", like.scalar_type(),
              " [batch, kv_heads, tokens, head_dim] on a GPU, found ", heads.scalar_type(), " ",
              heads.sizes(), " on ", heads.device());
}

const void* DataOrNull(const at::Tensor& t) { return t.defined() ? t.const_data_ptr() : nullptr; }

// Whether the undefined ones are none of ours: they are not read.
bool NormsInChunks(const HeadNorms& norms) {
  return IsAligned(DataOrNull(norms.query)) && IsAligned(DataOrNull(norms.key));
}

}  // namespace

at::Tensor RmsNormCuda(const at::Tensor& x, const at::Tensor& weight, double eps) {
  CheckRows(x, weight);
  const int64_t rows = x.size(0), width = x.size(1);
  RecordKernel("rms_norm/cuda_own", {{"width", width}}, rows);
  at::Tensor out = at::empty_like(x);
  if (rows == 0) return out;
  kRmsNorm.For(x.scalar_type())(NormLaunch(x), x.const_data_ptr(), weight.const_data_ptr(),
                                out.mutable_data_ptr(), ToInt(width), static_cast<float>(eps),
                                static_cast<int>(InChunks(width, x, weight, out)));
  return out;
}

at::Tensor AddRmsNormCuda(at::Tensor& residual, const at::Tensor& x, const at::Tensor& weight,
                          double eps) {
  CheckRows(x, weight);
  CheckOnGpu(residual, "rms_norm: residual");
  TORCH_CHECK(residual.sizes() == x.sizes() && residual.scalar_type() == x.scalar_type(),
              "rms_norm: residual: expected ", x.scalar_type(), " ", x.sizes(), ", found ",
              residual.scalar_type(), " ", residual.sizes());
  const int64_t rows = x.size(0), width = x.size(1);
  RecordKernel("add_rms_norm/cuda_own", {{"width", width}}, rows);
  at::Tensor out = at::empty_like(x);
  if (rows == 0) return out;
  kAddRmsNorm.For(x.scalar_type())(NormLaunch(x), x.const_data_ptr(), residual.mutable_data_ptr(),
                                   weight.const_data_ptr(), out.mutable_data_ptr(), ToInt(width),
                                   static_cast<float>(eps),
                                   static_cast<int>(InChunks(width, x, residual, weight, out)));
  return out;
}

at::Tensor SplitHeadsCuda(const at::Tensor& qkv, const HeadNorms& norms, const RotaryTable& table,
                          at::Tensor& keys, at::Tensor& values) {
  CheckOnGpu(qkv, "rotary: qkv");
  CheckHeads(keys, qkv, "keys");
  CheckHeads(values, qkv, "values");
  const int64_t batch = keys.size(0), kv_heads = keys.size(1), tokens = keys.size(2);
  const int64_t head_dim = keys.size(3), half = head_dim / 2;
  const int64_t all_heads = qkv.size(1) / head_dim, heads = all_heads - 2 * kv_heads;
  TORCH_CHECK(head_dim % 2 == 0, "rotary: head_dim: expected an even number, found ", head_dim);
  TORCH_CHECK(qkv.size(0) == batch * tokens, "rotary: qkv: expected ", batch * tokens,
              " rows, found ", qkv.size(0));
  RecordKernel("rotary/cuda_own",
               {{"heads", heads}, {"kv_heads", kv_heads}, {"head_dim", head_dim}}, batch * tokens);
  at::Tensor queries = at::empty({batch, heads, tokens, head_dim}, qkv.options());
  const at::Tensor cos = table.cos.to(qkv.device()), sin = table.sin.to(qkv.device());
  const int lanes_log2 = LanesOfHead(half);
  SplitHeadsArguments arguments = {PlacesOf(queries),
                                   PlacesOf(keys),
                                   PlacesOf(values),
                                   cos.const_data_ptr<float>(),
                                   sin.const_data_ptr<float>(),
                                   DataOrNull(norms.query),
                                   DataOrNull(norms.key),
                                   static_cast<float>(norms.eps),
                                   ToInt(tokens),
                                   ToInt(heads),
                                   ToInt(kv_heads),
                                   ToInt(head_dim),
                                   lanes_log2,
                                   0};
  arguments.aligned = InChunks(half, qkv, cos, sin) && NormsInChunks(norms) &&
                      InChunks(arguments.queries) && InChunks(arguments.keys) &&
                      InChunks(arguments.values);
  if (qkv.numel() == 0) return queries;
  kSplitHeads.For(qkv.scalar_type())(RowLaunch(qkv, all_heads << lanes_log2, kSplitHeadsThreads),
                                     qkv.const_data_ptr(), arguments);
  return queries;
}

Routing RouteTokensCuda(const at::Tensor& logits, int64_t slots, bool normalise) {
  CheckOnGpu(logits, "router: logits");
  const int64_t tokens = logits.size(0), count = logits.size(1);
  TORCH_CHECK(count <= kMaxExperts && slots <= std::min<int64_t>(count, kMaxSlots),
              "router: expected at most ", kMaxExperts, " experts and ", kMaxSlots,
              " slots, found ", count, " and ", slots);
  RecordKernel("router/cuda_own", {{"experts", count}, {"slots", slots}}, tokens);
  Routing routing{at::empty({tokens, slots}, logits.options().dtype(at::kInt)),
                  at::empty({tokens, slots}, logits.options().dtype(at::kFloat))};
  if (tokens == 0) return routing;
  kRouteTokens.For(logits.scalar_type())(FlatLaunch(tokens * kLanesOfWarp), logits.const_data_ptr(),
                                         routing.experts.mutable_data_ptr<int32_t>(),
                                         routing.weights.mutable_data_ptr<float>(), ToInt(tokens),
                                         ToInt(count), ToInt(slots), static_cast<int>(normalise));
  return routing;
}

at::Tensor SwiGluCuda(const at::Tensor& gate_up) {
  CheckOnGpu(gate_up, "swiglu: gate_up");
  const int64_t rows = gate_up.size(0), width = gate_up.size(1) / 2;
  RecordKernel("swiglu/cuda_own", {{"width", width}}, rows);
  at::Tensor out = at::empty({rows, width}, gate_up.options());
  if (rows == 0) return out;
  kSwiGlu.For(gate_up.scalar_type())(FlatLaunch(rows * CeilDivide(width, kChunkElements)),
                                     gate_up.const_data_ptr(), out.mutable_data_ptr(), ToInt(rows),
                                     ToInt(width), static_cast<int>(InChunks(width, gate_up, out)));
  return out;
}

}  // namespace forensics::runner
