// The gated activation (runner/ops/swiglu.h). gate_up [rows, 2 width], gates first -> out [rows,
// width]. One thread a chunk of eight elements.
//
// Arithmetic in float32: round(round(gate * rcp.approx.ftz(1 + e^-gate)) * up), round() to the
// dtype, e^x = ex2.approx.ftz(x * log2(e)) with the product rounded.
#include "runner/ops/cuda/elements.cuh"
#include "runner/ops/cuda/special_functions.cuh"

namespace forensics {

template <typename T>
__device__ __forceinline__ void SwiGlu(const T* __restrict__ gate_up, T* __restrict__ out, int rows,
                                       int width, bool aligned) {
  const int chunks = (width + kChunk - 1) / kChunk;  // of a row
  const int chunk = blockIdx.x * blockDim.x + threadIdx.x;
  const long long row = chunk / chunks;
  if (row >= rows) return;
  const int first = chunk % chunks * kChunk;
  float gate[kChunk], up[kChunk];
  LoadFrom(gate_up + row * 2 * width, first, width, aligned, gate);
  LoadFrom(gate_up + (row * 2 + 1) * width, first, width, aligned, up);
#pragma unroll
  for (int i = 0; i < kChunk; ++i) {
    gate[i] = gate[i] * Reciprocal(1.0f + Exp(-gate[i]));
  }
  RoundChunk<T>(gate);
#pragma unroll
  for (int i = 0; i < kChunk; ++i) gate[i] *= up[i];
  StoreTo(gate, first, width, aligned, out + row * width);
}

extern "C" __global__ void swiglu_bf16(const Bf16* gate_up, Bf16* out, int rows, int width,
                                       int aligned) {
  SwiGlu(gate_up, out, rows, width, aligned);
}

extern "C" __global__ void swiglu_f32(const float* gate_up, float* out, int rows, int width,
                                      int aligned) {
  SwiGlu(gate_up, out, rows, width, aligned);
}

}  // namespace forensics
