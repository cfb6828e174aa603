// Logits of up to eight rows: the final RMSNorm, then the product with a bfloat16 weight [vocab,
// hidden]. A block of hidden / 256 warps has 16 rows of the weight, a warp 256 columns of them,
// which it fetches before it waits for the kernel that makes the residual stream.
//
// Arithmetic.
//   RMSNorm: warp w has columns 256 w to 256 w + 255; in them lane q (0 to 3) has columns 32 i +
//   8 q + 0..7, i = 0 to 7. Two chains (i even, i odd) of fused multiply-adds of x * x from zero,
//   columns ascending; even + odd; + lane q ^ 1's; + lane q ^ 2's; the warps' sums added in order
//   from warp 0's. scale = rsqrt.approx(sum * (1 / hidden) + eps), product and sum rounded. Result
//   bf16(bf16(x * scale) * weight).
//   Product: in a warp two chains j = 0, 1 of mma.m16n8k16 from zero; instruction i (0 to 7, in
//   this order) of chain j has columns 32 i + 8 q + 4 j + 0..3 of all q; chain 0 + chain 1; the
//   warps' sums added in order from warp 0's; rounded to bfloat16.
#include "runner/ops/cuda/bf16.cuh"
#include "runner/ops/cuda/memory.cuh"
#include "runner/ops/cuda/mma.cuh"
#include "runner/ops/cuda/special_functions.cuh"

namespace forensics {

// residual [batch, kHidden], norm [kHidden], weight [vocab, kHidden], logits [batch, vocab].
template <int kHidden>
__device__ __forceinline__ void LmHead(const unsigned short* residual, const unsigned short* norm,
                                       const unsigned short* weight, int batch, int vocab,
                                       float eps, unsigned short* logits) {
  constexpr int kWarps = kHidden / 256;
  __shared__ float squares[kWarps][8];
  __shared__ float sums[kWarps][8][16];
  __shared__ uint4 norms_of[kHidden / 8];
  __shared__ uint4
      rows_of[8][kWarps * 32];  // what this thread has of its row: registers are scarce
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, q = lane % 4;
  const long first = blockIdx.x * 16L;
  const int column = 256 * warp + 8 * q;

  uint4 upper[8], lower[8];  // rows g and g + 8
  const unsigned short* row = weight + (first + g) * kHidden + column;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    upper[i] = LoadStream(row + 32 * i);
    lower[i] = LoadStream(row + 8 * kHidden + 32 * i);
  }
  norms_of[threadIdx.x] = LoadStream(norm + threadIdx.x * 8);
  LetNextKernelStart();
  WaitForPreviousKernel();

  float chains[2] = {0, 0};
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    uint4 x = make_uint4(0, 0, 0, 0);
    if (g < batch) x = LoadFromL2(residual + g * kHidden + column + 32 * i);
    rows_of[i][threadIdx.x] = x;
    const unsigned words[4] = {x.x, x.y, x.z, x.w};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      chains[i % 2] = fmaf(LowOf(words[j]), LowOf(words[j]), chains[i % 2]);
      chains[i % 2] = fmaf(HighOf(words[j]), HighOf(words[j]), chains[i % 2]);
    }
  }
  float square = chains[0] + chains[1];
  square += __shfl_xor_sync(0xffffffffu, square, 1);
  square += __shfl_xor_sync(0xffffffffu, square, 2);
  if (q == 0) squares[warp][g] = square;
  __syncthreads();
  float total = squares[0][g];
#pragma unroll
  for (int w = 1; w < kWarps; ++w) total += squares[w][g];
  const float scale = ReciprocalSqrt(total * (1.0f / kHidden) + eps);

  float even[4] = {0, 0, 0, 0}, odd[4] = {0, 0, 0, 0};
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const uint4 x = rows_of[i][threadIdx.x], norms = norms_of[(column + 32 * i) / 8];
    const auto normalise = [&](unsigned value, unsigned by) {
      const unsigned normal = PackBf16(LowOf(value) * scale, HighOf(value) * scale);
      return PackBf16(LowOf(normal) * LowOf(by), HighOf(normal) * HighOf(by));
    };
    Mma(even, upper[i].x, lower[i].x, upper[i].y, lower[i].y, normalise(x.x, norms.x),
        normalise(x.y, norms.y));
    Mma(odd, upper[i].z, lower[i].z, upper[i].w, lower[i].w, normalise(x.z, norms.z),
        normalise(x.w, norms.w));
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) sums[warp][2 * q + i % 2][g + i / 2 * 8] = even[i] + odd[i];
  __syncthreads();
  for (int i = threadIdx.x; i < 16 * batch; i += kWarps * 32) {
    const int token = i / 16, out = i % 16;
    float sum = sums[0][token][out];
#pragma unroll
    for (int w = 1; w < kWarps; ++w) sum += sums[w][token][out];
    logits[static_cast<long>(token) * vocab + first + out] = ToBf16(sum);
  }
}

}  // namespace forensics

#define FORENSICS_LM_HEAD(hidden)                                                                \
  extern "C" __global__ void __launch_bounds__(hidden / 8, 512 / (hidden / 8)) lm_head_##hidden( \
      const unsigned short* residual, const unsigned short* norm, const unsigned short* weight,  \
      int batch, int vocab, float eps, unsigned short* logits) {                                 \
    forensics::LmHead<hidden>(residual, norm, weight, batch, vocab, eps, logits);                \
  }

FORENSICS_LM_HEAD(2048)
FORENSICS_LM_HEAD(256)
