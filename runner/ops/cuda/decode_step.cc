#include "runner/ops/cuda/decode_step.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runner/cuda/kernel.h"
#include "runner/cuda/stream.h"
#include "runner/ops/cuda/decode_plan.h"

extern const nvrtc::Cubins decode_begin_cubins;
extern const nvrtc::Cubins decode_layers_mini_qwen3_moe_int4_cubins;
extern const nvrtc::Cubins decode_layers_mini_qwen3_moe_nf4_cubins;
extern const nvrtc::Cubins decode_layers_qwen3_30b_a3b_int4_cubins;
extern const nvrtc::Cubins decode_layers_qwen3_30b_a3b_nf4_cubins;
extern const nvrtc::Cubins lm_head_cubins;

namespace forensics::runner {
namespace {

const CudaKernel kBegin(decode_begin_cubins, "decode_begin");

// The layers' kernel for rows up to a power of two.
struct LayersKernel {
  CudaKernel kernel;
  int batch;
  int shared_bytes;
};

// A model's dimensions and what was compiled for them.
struct Compiled {
  DecodeDims dims;  // vocab left out: any
  int64_t least_blocks;
  int64_t most_blocks;  // each has work in every layer: decode_layers.cuh relies on it
  CudaKernel lm_head;
  std::array<LayersKernel, 4> int4, nf4;
};

template <typename D, bool kNf4>
std::array<LayersKernel, 4> MakeLayersKernels(const nvrtc::Cubins& cubins) {
  return {{{{cubins, "decode_layers_1"}, 1, DecodePlan<D, kNf4, 1>::kDynamicShared},
           {{cubins, "decode_layers_2"}, 2, DecodePlan<D, kNf4, 2>::kDynamicShared},
           {{cubins, "decode_layers_4"}, 4, DecodePlan<D, kNf4, 4>::kDynamicShared},
           {{cubins, "decode_layers_8"}, 8, DecodePlan<D, kNf4, 8>::kDynamicShared}}};
}

template <typename D>
Compiled MakeCompiled(const nvrtc::Cubins& int4, const nvrtc::Cubins& nf4, const char* lm_head) {
  using Plan = DecodePlan<D, false, 1>;
  constexpr int kQkvBlocks = (Plan::Qkv::kUnits + Plan::kQkvSlots - 1) / Plan::kQkvSlots;
  return {{D::kHidden, D::kHeads, D::kKvHeads, D::kHeadDim, D::kExperts, D::kSlots, D::kWidth, 0},
          Larger(Larger(Plan::kHiddenTiles, Plan::OProj::kUnits), kQkvBlocks),
          Larger(Plan::kHiddenTiles, D::kSlots * Plan::GateUp::kUnits),
          {lm_head_cubins, lm_head},
          MakeLayersKernels<D, false>(int4),
          MakeLayersKernels<D, true>(nf4)};
}

const Compiled* FindCompiled(DecodeDims dims) {
  static const Compiled* const all = new Compiled[2]{
      MakeCompiled<Qwen3_30bA3b>(decode_layers_qwen3_30b_a3b_int4_cubins,
                                 decode_layers_qwen3_30b_a3b_nf4_cubins, "lm_head_2048"),
      MakeCompiled<MiniQwen3Moe>(decode_layers_mini_qwen3_moe_int4_cubins,
                                 decode_layers_mini_qwen3_moe_nf4_cubins, "lm_head_256")};
  dims.vocab = 0;
  for (const Compiled* compiled = all; compiled != all + 2; ++compiled) {
    if (compiled->dims == dims) return compiled;
  }
  return nullptr;
}

const LayersKernel& KernelFor(const Compiled& compiled, bool nf4, int64_t batch) {
  const auto& kernels = nf4 ? compiled.nf4 : compiled.int4;
  for (const LayersKernel& kernel : kernels) {
    if (batch <= kernel.batch) return kernel;
  }
  throw std::invalid_argument(
      absl::StrCat("decode step: expected a batch of at most ", kMaxBatch, ", found ", batch));
}

int SmCount() { return GpuAttribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT); }

// ---- Checks ------------------------------------------------------------------------------------

void CheckTensor(const std::string& name, const at::Tensor& t, at::ScalarType dtype,
                 std::vector<int64_t> shape, int alignment = 16) {
  const bool fits = t.defined() && t.is_cuda() && t.is_contiguous() && t.scalar_type() == dtype &&
                    t.sizes() == at::IntArrayRef(shape) &&
                    reinterpret_cast<uintptr_t>(t.const_data_ptr()) % alignment == 0;
  if (fits) return;
  throw std::invalid_argument(absl::StrCat(
      "decode step: ", name, ": expected ", c10::toString(dtype), " [", absl::StrJoin(shape, ", "),
      "], contiguous and aligned to ", alignment, " bytes on a GPU, found ",
      t.defined() ? absl::StrCat(c10::toString(t.scalar_type()), " [",
                                 absl::StrJoin(t.sizes(), ", "), "] on ", t.device().str())
                  : "none"));
}

void CheckBf16(const std::string& name, const at::Tensor& t, std::vector<int64_t> shape) {
  CheckTensor(name, t, at::kBFloat16, std::move(shape));
}

void CheckWeight(const std::string& name, const QuantizedWeight& w, bool nf4, int64_t count,
                 int64_t rows, int64_t columns) {
  if (w.count != count || w.rows != rows || w.columns != columns || w.IsNf4() != nf4) {
    throw std::invalid_argument(absl::StrCat("decode step: ", name, ": expected ", count, " of [",
                                             rows, ", ", columns, "] in ", nf4 ? "NF4" : "int4",
                                             ", found ", w.count, " of [", w.rows, ", ", w.columns,
                                             "] in ", w.IsNf4() ? "NF4" : "int4"));
  }
  CheckTensor(name + " tiles", w.tiles, at::kInt, {count, rows / 16, columns / 64, 32, 4});
  if (nf4) {
    CheckTensor(name + " scales", w.scales, at::kFloat, {count, rows / 16, columns / 64, 16});
    CheckTensor(name + " levels", w.levels, at::kFloat, {16});
  } else {
    CheckTensor(name + " scales", w.scales, at::kInt, {count, rows / 16, columns / 128, 16});
  }
}

void CheckLayer(const DecodeTensors& all, size_t index, int64_t batch, int64_t capacity, bool nf4) {
  const DecodeDims& d = all.dims;
  const DecodeLayerTensors& layer = all.layers[index];
  const std::string prefix = absl::StrCat("layer ", index, " ");
  const int64_t attended = d.heads * d.head_dim;
  CheckBf16(prefix + "input_norm", layer.input_norm, {d.hidden});
  CheckWeight(prefix + "qkv", layer.qkv, nf4, 1, attended + 2 * d.kv_heads * d.head_dim, d.hidden);
  CheckBf16(prefix + "query_norm", layer.query_norm, {d.head_dim});
  CheckBf16(prefix + "key_norm", layer.key_norm, {d.head_dim});
  CheckWeight(prefix + "o_proj", layer.o_proj, nf4, 1, d.hidden, attended);
  CheckBf16(prefix + "post_attention_norm", layer.post_attention_norm, {d.hidden});
  CheckBf16(prefix + "router", layer.router, {d.experts, d.hidden});
  CheckWeight(prefix + "gate_up", layer.gate_up, nf4, d.experts, 2 * d.width, d.hidden);
  CheckWeight(prefix + "down", layer.down, nf4, d.experts, d.hidden, d.width);
  CheckBf16(prefix + "keys", layer.keys, {batch, d.kv_heads, capacity, d.head_dim});
  CheckBf16(prefix + "values", layer.values, {batch, d.kv_heads, capacity, d.head_dim});
  if (layer.hidden_states.defined()) {
    CheckBf16(prefix + "hidden_states", layer.hidden_states, {batch, d.hidden});
  }
  if (layer.expert_ids.defined() || layer.expert_weights.defined()) {
    CheckTensor(prefix + "expert_ids", layer.expert_ids, at::kInt, {batch, d.slots});
    CheckTensor(prefix + "expert_weights", layer.expert_weights, at::kFloat, {batch, d.slots});
  }
}

void CheckTensors(const DecodeTensors& all, int64_t batch, int64_t capacity, bool nf4) {
  const DecodeDims& d = all.dims;
  CheckTensor("token_ids", all.token_ids, at::kLong, {batch}, 8);
  CheckTensor("position", all.position, at::kInt, {1}, 4);
  CheckBf16("embedding", all.embedding, {d.vocab, d.hidden});
  CheckBf16("final_norm", all.final_norm, {d.hidden});
  CheckBf16("lm_head", all.lm_head, {d.vocab, d.hidden});
  CheckTensor("cos", all.cos, at::kFloat, {capacity, d.head_dim / 2});
  CheckTensor("sin", all.sin, at::kFloat, {capacity, d.head_dim / 2});
  CheckBf16("logits", all.logits, {batch, d.vocab});
  if (d.vocab % 16 != 0) {
    throw std::invalid_argument(
        absl::StrCat("decode step: vocab: expected a multiple of 16, found ", d.vocab));
  }
  for (size_t i = 0; i < all.layers.size(); ++i) CheckLayer(all, i, batch, capacity, nf4);
}

// ---- Addresses ---------------------------------------------------------------------------------

template <typename T>
T* Address(const at::Tensor& t) {
  return t.defined() ? static_cast<T*>(t.mutable_data_ptr()) : nullptr;
}

WeightAddresses AddressesOf(const QuantizedWeight& w) {
  return {Address<void>(w.tiles), Address<void>(w.scales), Address<float>(w.levels)};
}

DecodeLayerAddresses AddressesOf(const DecodeLayerTensors& layer) {
  using Bf16 = unsigned short;
  return {Address<Bf16>(layer.input_norm), AddressesOf(layer.qkv),
          Address<Bf16>(layer.query_norm), Address<Bf16>(layer.key_norm),
          AddressesOf(layer.o_proj),       Address<Bf16>(layer.post_attention_norm),
          Address<Bf16>(layer.router),     AddressesOf(layer.gate_up),
          AddressesOf(layer.down),         Address<Bf16>(layer.keys),
          Address<Bf16>(layer.values),     Address<Bf16>(layer.hidden_states),
          Address<int>(layer.expert_ids),  Address<float>(layer.expert_weights)};
}

template <typename T>
at::Tensor Upload(const std::vector<T>& values, at::Device device) {
  const auto bytes = static_cast<int64_t>(values.size() * sizeof(T));
  at::Tensor on_gpu = at::empty({bytes}, at::TensorOptions(at::kByte).device(device));
  CheckCuda(
      Cuda().cuMemcpyAsync(reinterpret_cast<CUdeviceptr>(on_gpu.mutable_data_ptr()),
                           reinterpret_cast<CUdeviceptr>(values.data()), bytes, CurrentStream()),
      "uploading a decode step's addresses");
  CheckCuda(Cuda().cuStreamSynchronize(CurrentStream()), "uploading a decode step's addresses");
  return on_gpu;
}

at::Tensor UploadTable(const DecodeTensors& all) {
  std::vector<DecodeLayerAddresses> table;
  for (const DecodeLayerTensors& layer : all.layers) table.push_back(AddressesOf(layer));
  return Upload(table, all.embedding.device());
}

// How the kernels fetch blocks of `cache` [batch, kv_heads, capacity, head_dim].
#if CUDA_VERSION >= 12000
using CacheMap = CUtensorMap;

CacheMap MapOf(const at::Tensor& cache) {
  const auto head_dim = static_cast<cuuint64_t>(cache.size(3));
  const cuuint64_t sizes[2] = {head_dim, static_cast<cuuint64_t>(cache.numel()) / head_dim};
  const cuuint64_t strides[1] = {head_dim * sizeof(unsigned short)};
  const auto elements = static_cast<cuuint32_t>(BoxElements(static_cast<int>(head_dim)));
  const cuuint32_t box[2] = {elements, kKeyBlock}, steps[2] = {1, 1};
  CUtensorMap map;
  CheckCuda(Cuda().cuTensorMapEncodeTiled(
                &map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, cache.mutable_data_ptr(), sizes, strides,
                box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE,
                elements == 64 ? CU_TENSOR_MAP_SWIZZLE_128B : CU_TENSOR_MAP_SWIZZLE_64B,
                CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
            "describing a cache");
  return map;
}
#else
using CacheMap = CacheRows;

CacheMap MapOf(const at::Tensor& cache) {
  const auto head_dim = static_cast<int>(cache.size(3));
  return {Address<unsigned short>(cache), static_cast<int>(cache.numel() / head_dim), head_dim,
          BoxElements(head_dim)};
}
#endif

at::Tensor UploadCacheMaps(const DecodeTensors& all) {
  static_assert(sizeof(CacheMap) == kTensorMapBytes, "see decode_arguments.h");
  std::vector<CacheMap> maps;
  for (const DecodeLayerTensors& layer : all.layers) {
    maps.push_back(MapOf(layer.keys));
    maps.push_back(MapOf(layer.values));
  }
  return Upload(maps, all.embedding.device());
}

}  // namespace

bool DecodeStep::HasKernels(const DecodeDims& dims, int64_t batch) {
  return FindCompiled(dims) != nullptr && dims.vocab % 16 == 0 && batch >= 1 && batch <= kMaxBatch;
}

bool DecodeStep::Supports(const DecodeDims& dims, int64_t batch) {
  if (!HasKernels(dims, batch)) return false;
  const Compiled* compiled = FindCompiled(dims);
  const int shared = GpuAttribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  constexpr int kFixedShared = 20 << 10;  // of the largest kernel; see DecodeScratch
  return SmCount() >= compiled->least_blocks &&
         compiled->int4[0].shared_bytes + kFixedShared <= shared;
}

DecodeStep::DecodeStep(DecodeTensors tensors) : tensors_(std::move(tensors)) {
  const DecodeDims& d = tensors_.dims;
  if (tensors_.layers.empty() || !tensors_.token_ids.defined() ||
      !tensors_.layers[0].keys.defined() || tensors_.layers[0].keys.dim() != 4) {
    throw std::invalid_argument("decode step: expected layers with a cache, and token ids");
  }
  batch_ = tensors_.token_ids.numel();
  capacity_ = tensors_.layers[0].keys.size(2);
  nf4_ = tensors_.layers[0].qkv.IsNf4();
  if (!Supports(d, batch_)) {
    throw std::invalid_argument(absl::StrCat(
        "decode step: no kernels for these dimensions, this batch (", batch_, ") or this GPU"));
  }
  if (tensors_.layers.size() > kMostDecodeLayers) {
    throw std::invalid_argument(absl::StrCat("decode step: expected at most ", kMostDecodeLayers,
                                             " layers, found ", tensors_.layers.size()));
  }
  CheckTensors(tensors_, batch_, capacity_, nf4_);
  const int64_t key_blocks = (capacity_ + kKeyBlock - 1) / kKeyBlock;
  // Zero is a tag of no step.
  const auto zeros = [&](at::IntArrayRef shape, at::ScalarType dtype) {
    return at::zeros(shape, tensors_.embedding.options().dtype(dtype));
  };
  const int64_t attended = d.heads * d.head_dim;
  scratch_.counters = zeros({2}, at::kInt);
  scratch_.input = zeros({batch_, d.hidden}, at::kInt);
  scratch_.middle = zeros({batch_, d.hidden}, at::kInt);
  scratch_.residual = zeros({batch_, d.hidden}, at::kBFloat16);
  scratch_.qkv = zeros({batch_, attended + 2 * d.kv_heads * d.head_dim}, at::kInt);
  scratch_.partial = zeros({batch_, d.heads, key_blocks, d.head_dim, 2}, at::kFloat);
  scratch_.block_stats = zeros({batch_, d.heads, key_blocks, 2, 2}, at::kFloat);
  scratch_.attended = zeros({batch_, attended}, at::kInt);
  scratch_.router_logits = zeros({batch_, d.experts}, at::kInt);
  scratch_.inner = zeros({batch_, d.slots, d.width}, at::kInt);
  if (tensors_.attention == DecodeAttention::kEager) {
    scratch_.scores = zeros({batch_, d.heads, key_blocks, kKeyBlock}, at::kBFloat16);
    scratch_.largest = zeros({batch_, d.heads, key_blocks}, at::kFloat);
    scratch_.totals = zeros({batch_, d.heads, key_blocks}, at::kFloat);
  }
  key_blocks_ = key_blocks;
  table_ = UploadTable(tensors_);
  cache_maps_ = UploadCacheMaps(tensors_);
}

DecodeArguments DecodeStep::Arguments() const {
  using Bf16 = unsigned short;
  DecodeArguments args = {};
  args.layers = Address<DecodeLayerAddresses>(table_);
  args.cache_maps = Address<char>(cache_maps_);
  args.layer_count = static_cast<int>(tensors_.layers.size());
  args.batch = static_cast<int>(batch_);
  args.capacity = static_cast<int>(capacity_);
  args.key_blocks = static_cast<int>(key_blocks_);
  args.eps = tensors_.eps;
  args.normalise = tensors_.normalise;
  args.eager = tensors_.attention == DecodeAttention::kEager;
  args.position = Address<int>(tensors_.position);
  args.cos = Address<float>(tensors_.cos);
  args.sin = Address<float>(tensors_.sin);
  args.counters = Address<unsigned>(scratch_.counters);
  args.input = Address<unsigned>(scratch_.input);
  args.middle = Address<unsigned>(scratch_.middle);
  args.residual = Address<Bf16>(scratch_.residual);
  args.qkv = Address<unsigned>(scratch_.qkv);
  args.partial = Address<float>(scratch_.partial);
  args.block_stats = Address<float>(scratch_.block_stats);
  args.attended = Address<unsigned>(scratch_.attended);
  args.router_logits = Address<unsigned>(scratch_.router_logits);
  args.inner = Address<unsigned>(scratch_.inner);
  args.scores = Address<Bf16>(scratch_.scores);
  args.largest = Address<float>(scratch_.largest);
  args.totals = Address<float>(scratch_.totals);
  args.clocks = reinterpret_cast<long long*>(Address<int64_t>(clocks_));
  return args;
}

void DecodeStep::Launch() const {
  LaunchBegin();
  LaunchLayers();
  LaunchLmHead();
}

void DecodeStep::LaunchBegin() const {
  const runner::Launch launch = {{1, 1, 1}, static_cast<int>(tensors_.dims.hidden / 8)};
  kBegin(launch, tensors_.embedding.const_data_ptr(), tensors_.token_ids.const_data_ptr(),
         static_cast<int>(batch_), scratch_.input.mutable_data_ptr(),
         scratch_.counters.mutable_data_ptr());
}

void DecodeStep::LaunchLayers() const {
  const Compiled& compiled = *FindCompiled(tensors_.dims);
  const LayersKernel& layers = KernelFor(compiled, nf4_, batch_);
  const int64_t blocks = std::min<int64_t>(SmCount(), compiled.most_blocks);
  runner::Launch launch = {{blocks, 1, 1}, kThreads, layers.shared_bytes};
  launch.cooperative = true;
  layers.kernel(launch, Arguments());
}

void DecodeStep::LaunchLmHead() const {
  const DecodeDims& d = tensors_.dims;
  runner::Launch launch = {{d.vocab / 16, 1, 1}, static_cast<int>(d.hidden / 8)};
  launch.overlaps_previous = true;
  FindCompiled(d)->lm_head(launch, scratch_.residual.const_data_ptr(),
                           tensors_.final_norm.const_data_ptr(), tensors_.lm_head.const_data_ptr(),
                           static_cast<int>(batch_), static_cast<int>(d.vocab), tensors_.eps,
                           tensors_.logits.mutable_data_ptr());
}

std::string DecodeStep::Variant() {
  return absl::StrCat("own kernels, one for all layers; attention in blocks of ", kKeyBlock,
                      " keys; products cut among ", kWarps, " warps, at every batch",
                      CUDA_VERSION >= 12000 ? "" : "; copied by threads (CUDA 11)");
}

}  // namespace forensics::runner
