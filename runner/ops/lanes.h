// Sixteen float lanes: the fixed shape of every reduction in this folder.
//
// A sum over n elements is always: lane j adds elements j, j + 16, j + 32, ... in this order, then
// the lanes are added pairwise (SumLanes). The result depends neither on the instruction set (the
// build forbids implied fused multiply-adds) nor on the number of threads (no reduction is split
// over threads). Internal to //runner/ops.
#ifndef RUNNER_OPS_LANES_H_
#define RUNNER_OPS_LANES_H_

#include <c10/core/ScalarType.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Exception.h>
#include <c10/util/Half.h>

#include <cstdint>
#include <cstring>

// Compiles a function three times and picks the widest version that the CPU has. Not under the
// sanitizers: the choice is made before their runtime is ready.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define FORENSICS_TARGET_CLONES \
  __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define FORENSICS_TARGET_CLONES
#endif

// A function compiled for one instruction set, for those that take other vectors on each.
#define FORENSICS_AVX2 __attribute__((target("arch=x86-64-v3")))
#define FORENSICS_AVX512 __attribute__((target("arch=x86-64-v4")))

// Short loops over vectors: keeps them in registers, which -O2 alone does not.
#define FORENSICS_UNROLL _Pragma("GCC unroll 16")

#define FORENSICS_INLINE inline __attribute__((always_inline))

namespace forensics::runner {

constexpr int64_t kLanes = 16;

// Vectors of `kCount` lanes. Where lanes never meet a kernel may take fewer than sixteen at a time:
// GCC keeps vectors that are wider than the instruction set's in memory, lane by lane.
template <int kCount>
struct LaneTypes {
  typedef float Floats __attribute__((vector_size(kCount * sizeof(float))));
  typedef int32_t Ints __attribute__((vector_size(kCount * sizeof(int32_t))));
  typedef uint32_t Bits __attribute__((vector_size(kCount * sizeof(uint32_t))));
  typedef uint16_t Halves __attribute__((vector_size(kCount * sizeof(uint16_t))));
};
using Lanes = LaneTypes<kLanes>::Floats;
using HalfLanes = LaneTypes<kLanes / 2>::Floats;
using IntLanes = LaneTypes<kLanes>::Ints;
using BitLanes = LaneTypes<kLanes>::Bits;

// How many lanes a vector of floats has, and the types of as many.
template <typename Vector>
constexpr int kLanesOf = sizeof(Vector) / sizeof(float);
template <typename Vector>
using TypesOf = LaneTypes<kLanesOf<Vector>>;

// That of these functions that this processor takes.
template <typename Function>
Function ForThisProcessor(Function baseline, Function avx2, Function avx512) {
  if (__builtin_cpu_supports("x86-64-v4")) return avx512;
  return __builtin_cpu_supports("x86-64-v3") ? avx2 : baseline;
}

// Not Vector{} + value: adding zero is an instruction, as it turns -0 into 0.
template <typename Vector = Lanes>
FORENSICS_INLINE Vector AllLanes(float v) {
  static_assert(kLanesOf<Vector> == 16 || kLanesOf<Vector> == 8 || kLanesOf<Vector> == 4);
  if constexpr (kLanesOf<Vector> == 16) {
    return Vector{v, v, v, v, v, v, v, v, v, v, v, v, v, v, v, v};
  } else if constexpr (kLanesOf<Vector> == 8) {
    return Vector{v, v, v, v, v, v, v, v};
  } else {
    return Vector{v, v, v, v};
  }
}

template <typename Vector>
FORENSICS_INLINE auto Bits(Vector x) {
  return reinterpret_cast<typename TypesOf<Vector>::Bits>(x);
}

// Consecutive elements, widened to float exactly.
template <typename Vector = Lanes>
FORENSICS_INLINE Vector LoadLanes(const float* p) {
  Vector x;
  std::memcpy(&x, p, sizeof x);
  return x;
}
template <typename Vector = Lanes>
FORENSICS_INLINE Vector LoadLanes(const c10::BFloat16* p) {
  typename TypesOf<Vector>::Halves h;
  std::memcpy(&h, p, sizeof h);
  return reinterpret_cast<Vector>(__builtin_convertvector(h, typename TypesOf<Vector>::Bits) << 16);
}
template <typename Vector = Lanes>
FORENSICS_INLINE Vector LoadLanes(const c10::Half* p) {
  using BitVector = typename TypesOf<Vector>::Bits;
  typename TypesOf<Vector>::Halves h;
  std::memcpy(&h, p, sizeof h);
  const BitVector bits = __builtin_convertvector(h, BitVector);
  const BitVector magnitude = (bits & 0x7fff) << 13;  // exponent still biased by 15
  const BitVector finite = Bits(reinterpret_cast<Vector>(magnitude) * AllLanes<Vector>(0x1p112f));
  const BitVector wide = magnitude >= 0x0f800000 ? magnitude | 0x7f800000 : finite;
  return reinterpret_cast<Vector>(wide | (bits & 0x8000) << 16);
}

// Rounds to the nearest value of T, ties to even, and stores the elements.
template <typename Vector>
FORENSICS_INLINE void StoreLanes(Vector x, float* p) {
  std::memcpy(p, &x, sizeof x);
}
template <typename Vector>
FORENSICS_INLINE void StoreLanes(Vector x, c10::BFloat16* p) {
  using BitVector = typename TypesOf<Vector>::Bits;
  using Halves = typename TypesOf<Vector>::Halves;
  const BitVector bits = Bits(x);
  const BitVector rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const BitVector nan = BitVector{} + 0x7fc0;
  const Halves h = __builtin_convertvector(x == x ? rounded : nan, Halves);
  std::memcpy(p, &h, sizeof h);
}
template <typename Vector>
FORENSICS_INLINE void StoreLanes(Vector x, c10::Half* p) {
  for (int i = 0; i < kLanesOf<Vector>; ++i) p[i] = static_cast<c10::Half>(x[i]);
}

// The first `count` elements, if positive, fewer than there are lanes; the other lanes are `fill`.
template <typename Vector = Lanes, typename T>
FORENSICS_INLINE Vector LoadSomeLanes(const T* p, int64_t count, float fill = 0) {
  Vector x = AllLanes<Vector>(fill);
  for (int64_t i = 0; i < count; ++i) x[i] = static_cast<float>(p[i]);
  return x;
}
template <typename Vector, typename T>
FORENSICS_INLINE void StoreSomeLanes(Vector x, T* p, int64_t count) {
  for (int64_t i = 0; i < count; ++i) p[i] = static_cast<T>(x[i]);
}

// What a value becomes when it is stored as T and read back.
template <typename T, typename Vector>
FORENSICS_INLINE Vector RoundLanes(Vector x) {
  if constexpr (std::is_same_v<T, float>) return x;
  T stored[kLanesOf<Vector>];
  StoreLanes(x, stored);
  return LoadLanes<Vector>(stored);
}

// f(0) ... f(7) and, of sixteen lanes, f(8) ... f(15).
#define FORENSICS_EIGHT_LANES(f) f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)
#define FORENSICS_EACH_LANE(f) \
  IntLanes { FORENSICS_EIGHT_LANES(f), f(8), f(9), f(10), f(11), f(12), f(13), f(14), f(15) }

// Lane l plus lane l ^ kWidth.
template <int kWidth>
constexpr int OtherHalf(int l) {
  return l ^ kWidth;
}
template <int kWidth>
FORENSICS_INLINE Lanes AddHalves(Lanes x) {
  return x + __builtin_shuffle(x, FORENSICS_EACH_LANE(OtherHalf<kWidth>));
}

// ((0+8)+(4+12)) + ... : halves are added until one lane is left.
FORENSICS_INLINE float SumLanes(Lanes x) {
  return AddHalves<1>(AddHalves<2>(AddHalves<4>(AddHalves<8>(x))))[0];
}

// Of two vectors of kCount lanes, the sums of lanes kWidth apart: those of a where bit kWidth of
// the lane is clear, those of b where it is set.
template <int kWidth, int kCount>
constexpr int LowerLane(int l) {
  return (l & kWidth) ? kCount + l - kWidth : l;
}
template <int kWidth, int kCount>
constexpr int UpperLane(int l) {
  return (l & kWidth) ? kCount + l : l + kWidth;
}
template <int kWidth>
FORENSICS_INLINE Lanes PairLanes(Lanes a, Lanes b) {
  return __builtin_shuffle(a, b, FORENSICS_EACH_LANE((LowerLane<kWidth, 16>))) +
         __builtin_shuffle(a, b, FORENSICS_EACH_LANE((UpperLane<kWidth, 16>)));
}
template <int kWidth>
FORENSICS_INLINE HalfLanes PairLanes(HalfLanes a, HalfLanes b) {
  using Ints = TypesOf<HalfLanes>::Ints;
  return __builtin_shuffle(a, b, Ints{FORENSICS_EIGHT_LANES((LowerLane<kWidth, 8>))}) +
         __builtin_shuffle(a, b, Ints{FORENSICS_EIGHT_LANES((UpperLane<kWidth, 8>))});
}
template <int kWidth, typename Vector>
FORENSICS_INLINE void PairRows(Vector* rows) {
  FORENSICS_UNROLL
  for (int i = 0; i < kWidth; ++i) rows[i] = PairLanes<kWidth>(rows[i], rows[i + kWidth]);
}

// Lane r of the result is SumLanes(rows[r]); `rows` [16] is overwritten.
FORENSICS_INLINE Lanes SumSixteenRows(Lanes* rows) {
  PairRows<8>(rows);
  PairRows<4>(rows);
  PairRows<2>(rows);
  PairRows<1>(rows);
  return rows[0];
}

// The same of eight rows whose lanes 8 to 15 have been added to lanes 0 to 7.
FORENSICS_INLINE HalfLanes SumEightRows(HalfLanes* rows) {
  PairRows<4>(rows);
  PairRows<2>(rows);
  PairRows<1>(rows);
  return rows[0];
}

FORENSICS_INLINE float MaxLanes(Lanes x) {
  float largest = x[0];
  for (int i = 1; i < kLanes; ++i) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

template <typename Vector>
FORENSICS_INLINE Vector MaxOf(Vector a, Vector b) {
  return a > b ? a : b;
}

// e^x: at most 1.1 ULP from the true value; 0 below -87.3 (no subnormal results), infinity above
// 88.72; NaN stays NaN. Cody-Waite reduction to |r| <= ln(2)/2 and the Taylor polynomial of
// degree 7.
template <typename Vector>
FORENSICS_INLINE Vector ExpLanes(Vector x) {
  using Ints = typename TypesOf<Vector>::Ints;
  const Vector shift = AllLanes<Vector>(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
  const Vector k = (x * 1.44269504088896341f + shift) - shift;
  const Vector r = (x - k * 0.693359375f) - k * -2.12194440e-4f;
  Vector p = r * (1.0f / 5040) + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * (r * r) + r + 1.0f;
  // 2^k in two factors: k may be 128 where the result is still finite.
  const Vector bounded = k > AllLanes<Vector>(200)
                             ? AllLanes<Vector>(200)
                             : (k < AllLanes<Vector>(-200) ? AllLanes<Vector>(-200) : k);
  const Ints n = __builtin_convertvector(bounded == bounded ? bounded : Vector{}, Ints);
  const Ints half = n >> 1;
  const Vector a = reinterpret_cast<Vector>((half + 127) << 23);
  const Vector b = reinterpret_cast<Vector>((n - half + 127) << 23);
  const Vector finite = p * a * b;
  const Vector low = x < AllLanes<Vector>(-87.33f) ? Vector{} : finite;
  return x > AllLanes<Vector>(88.73f) ? AllLanes<Vector>(__builtin_inff()) : low;
}

// Calls f(T{}) with the C++ type of `type`: float, BFloat16 or Half.
template <typename F>
void ForFloatType(c10::ScalarType type, F&& f) {
  switch (type) {
    case c10::ScalarType::Float:
      return f(float{});
    case c10::ScalarType::BFloat16:
      return f(c10::BFloat16{});
    case c10::ScalarType::Half:
      return f(c10::Half{});
    default:
      TORCH_CHECK(false, "expected float32, bfloat16 or float16, found ", type);
  }
}

}  // namespace forensics::runner

#endif  // RUNNER_OPS_LANES_H_
