// Single instructions on arrays, to be compared with their models: nothing but the instruction.

namespace forensics {

// One warp a product d = a b + c: a [16, 16], b [8, 16] (transposed), c and d [16, 8], row-major.
// Lane 4 g + q: see mma.cuh.
struct MmaPlace {
  int product = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
  int g = threadIdx.x % 32 / 4;
  int q = threadIdx.x % 4;
};

__device__ __forceinline__ unsigned Pair(const unsigned short* row, int k) {
  return row[k] | static_cast<unsigned>(row[k + 1]) << 16;
}

#define FORENSICS_MMA_KERNEL(name, type)                                                          \
  extern "C" __global__ void name(const unsigned short* a, const unsigned short* b,               \
                                  const float* c, int products, float* d) {                       \
    const MmaPlace at;                                                                            \
    if (at.product >= products) return;                                                           \
    const unsigned short* upper = a + (at.product * 16L + at.g) * 16;                             \
    const unsigned short* lower = upper + 8 * 16;                                                 \
    const unsigned short* column = b + (at.product * 8L + at.g) * 16;                             \
    const long first = (at.product * 16L + at.g) * 8 + 2 * at.q, second = first + 8 * 8;          \
    const int k = 2 * at.q;                                                                       \
    float d0, d1, d2, d3;                                                                         \
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." type "." type                           \
                 ".f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};"       \
                 : "=f"(d0), "=f"(d1), "=f"(d2), "=f"(d3)                                         \
                 : "r"(Pair(upper, k)), "r"(Pair(lower, k)), "r"(Pair(upper, k + 8)),             \
                   "r"(Pair(lower, k + 8)), "r"(Pair(column, k)), "r"(Pair(column, k + 8)),       \
                   "f"(c[first]), "f"(c[first + 1]), "f"(c[second]), "f"(c[second + 1]));         \
    d[first] = d0;                                                                                \
    d[first + 1] = d1;                                                                            \
    d[second] = d2;                                                                               \
    d[second + 1] = d3;                                                                           \
  }

FORENSICS_MMA_KERNEL(mma_bf16, "bf16")
FORENSICS_MMA_KERNEL(mma_f16, "f16")

#define FORENSICS_FUNCTION_KERNEL(name, instruction)                                   \
  extern "C" __global__ void name(const float* x, int count, float* y) {               \
    const int i = blockIdx.x * blockDim.x + threadIdx.x;                               \
    if (i < count) asm(instruction ".approx.ftz.f32 %0, %1;" : "=f"(y[i]) : "f"(x[i])); \
  }

FORENSICS_FUNCTION_KERNEL(approximate_ex2, "ex2")
FORENSICS_FUNCTION_KERNEL(approximate_lg2, "lg2")
FORENSICS_FUNCTION_KERNEL(approximate_rcp, "rcp")
FORENSICS_FUNCTION_KERNEL(approximate_rsqrt, "rsqrt")

}  // namespace forensics
