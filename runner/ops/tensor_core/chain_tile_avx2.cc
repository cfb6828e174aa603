// Compiled with -march=x86-64-v3.
#include <immintrin.h>

#include "runner/ops/tensor_core/chain_tile_kernel.h"

namespace forensics::runner {
namespace {

struct Avx2 {
  using Ints = __m256i;
  using Mask = __m256i;
  static constexpr int kWidth = 8;

  // Conversions take the thread's rounding mode.
  class RoundTowardZero {
   public:
    RoundTowardZero() : before_(_mm_getcsr()) { _mm_setcsr((before_ & ~0x8040u) | 0x6000u); }
    ~RoundTowardZero() { _mm_setcsr(before_); }

   private:
    const unsigned before_;
  };

  CHAIN_INLINE Ints Load(const int32_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  CHAIN_INLINE Ints LoadHalves(const uint16_t* p) {
    return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  CHAIN_INLINE void Store(int32_t* p, Ints x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x);
  }
  CHAIN_INLINE Ints All(int32_t x) { return _mm256_set1_epi32(x); }
  CHAIN_INLINE Ints Add(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
  CHAIN_INLINE Ints Sub(Ints a, Ints b) { return _mm256_sub_epi32(a, b); }
  CHAIN_INLINE Ints Max(Ints a, Ints b) { return _mm256_max_epi32(a, b); }
  CHAIN_INLINE Ints And(Ints a, Ints b) { return _mm256_and_si256(a, b); }
  CHAIN_INLINE Ints Or(Ints a, Ints b) { return _mm256_or_si256(a, b); }
  CHAIN_INLINE Ints Abs(Ints a) { return _mm256_abs_epi32(a); }
  CHAIN_INLINE Ints ShiftLeft(Ints a, Ints by) { return _mm256_sllv_epi32(a, by); }
  CHAIN_INLINE Ints ShiftRight(Ints a, Ints by) { return _mm256_srlv_epi32(a, by); }
  template <int kBy>
  CHAIN_INLINE Ints ShiftRightBy(Ints a) {
    return _mm256_srli_epi32(a, kBy);
  }
  CHAIN_INLINE Mask IsZero(Ints a) { return _mm256_cmpeq_epi32(a, _mm256_setzero_si256()); }
  CHAIN_INLINE Ints Select(Mask mask, Ints yes, Ints no) {
    return _mm256_blendv_epi8(no, yes, mask);
  }
  CHAIN_INLINE Ints Multiply(Ints a, Ints b) { return _mm256_madd_epi16(a, b); }
  CHAIN_INLINE Ints AddSigned(Ints sum, Ints magnitude, Ints sign) {
    const Ints negative = _mm256_srai_epi32(sign, 31);
    return Add(sum, Sub(_mm256_xor_si256(magnitude, negative), negative));
  }

  // Four numbers of value * 2^exponent, cut off to float32 as bits, without a sign.
  CHAIN_INLINE __m128i CutOff(__m256d value, __m128i exponent) {
    // Two factors: no power of two that occurs is beyond float64, nor is its half.
    const __m256i biased =
        _mm256_add_epi64(_mm256_cvtepi32_epi64(exponent), _mm256_set1_epi64x(1023));
    const __m256d scaled = _mm256_mul_pd(value, _mm256_castsi256_pd(_mm256_slli_epi64(biased, 52)));
    const __m128 cut = _mm256_cvtpd_ps(scaled);
    const __m256d beyond = _mm256_cmp_pd(scaled, _mm256_set1_pd(0x1p128), _CMP_GE_OQ);
    const __m128i mask = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(
        _mm256_castpd_si256(beyond), _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6)));
    return _mm_blendv_epi8(_mm_castps_si128(cut), _mm_set1_epi32(0x7f800000), mask);
  }

  // An unsigned 32-bit number as float64.
  CHAIN_INLINE __m256d Whole(__m128i magnitude) {
    const __m128i offset = _mm_xor_si128(magnitude, _mm_set1_epi32(INT32_MIN));
    return _mm256_add_pd(_mm256_cvtepi32_pd(offset), _mm256_set1_pd(0x1p31));
  }

  // (products + own) * 2^exponent cut off to float32, own being the accumulator's aligned share.
  CHAIN_INLINE Ints Truncate(Ints products, Ints own, Ints exponent, Ints bits) {
    const Ints sum = Add(products, own);
    // The products' sum fits 31 bits, the whole 32 and a sign: where it overflowed, both addends
    // have the sign.
    const Ints overflow = And(_mm256_xor_si256(products, sum), _mm256_xor_si256(own, sum));
    const Ints negative = _mm256_srai_epi32(_mm256_xor_si256(sum, overflow), 31);
    const Ints magnitude = Sub(_mm256_xor_si256(sum, negative), negative);
    const __m128i low =
        CutOff(Whole(_mm256_castsi256_si128(magnitude)), _mm256_castsi256_si128(exponent));
    const __m128i high = CutOff(Whole(_mm256_extracti128_si256(magnitude, 1)),
                                _mm256_extracti128_si256(exponent, 1));
    Ints result = _mm256_set_m128i(high, low);
    result = Or(result, And(negative, All(INT32_MIN)));
    // An accumulator that is infinite or NaN stays so; inputs are finite here.
    const Ints magnitude_bits = And(bits, All(0x7fffffff));
    const Mask special = _mm256_cmpgt_epi32(magnitude_bits, All(0x7f7fffff));
    const Mask nan = _mm256_cmpgt_epi32(magnitude_bits, All(0x7f800000));
    result = Select(special, bits, result);
    return Select(nan, All(0x7fffffff), result);
  }
};

}  // namespace

ChainTileFunction ChainTileAvx2(int products) { return ChainTileFor<Avx2>(products); }

}  // namespace forensics::runner
