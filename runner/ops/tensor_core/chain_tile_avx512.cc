// Compiled with -march=x86-64-v4.
#include <immintrin.h>

#include "runner/ops/tensor_core/chain_tile_kernel.h"

namespace forensics::runner {
namespace {

struct Avx512 {
  using Ints = __m512i;
  using Mask = __mmask16;
  static constexpr int kWidth = 16;
  struct RoundTowardZero {};  // instructions name their rounding

  CHAIN_INLINE Ints Load(const int32_t* p) { return _mm512_loadu_si512(p); }
  CHAIN_INLINE Ints LoadHalves(const uint16_t* p) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  CHAIN_INLINE void Store(int32_t* p, Ints x) { _mm512_storeu_si512(p, x); }
  CHAIN_INLINE Ints All(int32_t x) { return _mm512_set1_epi32(x); }
  CHAIN_INLINE Ints Add(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
  CHAIN_INLINE Ints Sub(Ints a, Ints b) { return _mm512_sub_epi32(a, b); }
  CHAIN_INLINE Ints Max(Ints a, Ints b) { return _mm512_max_epi32(a, b); }
  CHAIN_INLINE Ints And(Ints a, Ints b) { return _mm512_and_si512(a, b); }
  CHAIN_INLINE Ints Or(Ints a, Ints b) { return _mm512_or_si512(a, b); }
  CHAIN_INLINE Ints Abs(Ints a) { return _mm512_abs_epi32(a); }
  CHAIN_INLINE Ints ShiftLeft(Ints a, Ints by) { return _mm512_sllv_epi32(a, by); }
  CHAIN_INLINE Ints ShiftRight(Ints a, Ints by) { return _mm512_srlv_epi32(a, by); }
  template <int kBy>
  CHAIN_INLINE Ints ShiftRightBy(Ints a) {
    return _mm512_srli_epi32(a, kBy);
  }
  CHAIN_INLINE Mask IsZero(Ints a) { return _mm512_testn_epi32_mask(a, a); }
  CHAIN_INLINE Ints Select(Mask mask, Ints yes, Ints no) {
    return _mm512_mask_blend_epi32(mask, no, yes);
  }
  CHAIN_INLINE Ints Multiply(Ints a, Ints b) { return _mm512_madd_epi16(a, b); }
  CHAIN_INLINE Ints AddSigned(Ints sum, Ints magnitude, Ints sign) {
    const Mask negative = _mm512_movepi32_mask(sign);
    return _mm512_mask_sub_epi32(_mm512_mask_add_epi32(sum, _knot_mask16(negative), sum, magnitude),
                                 negative, sum, magnitude);
  }

  // (products + own) * 2^exponent cut off to float32, own being the accumulator's aligned share.
  CHAIN_INLINE Ints Truncate(Ints products, Ints own, Ints exponent, Ints bits) {
    const Ints sum = Add(products, own);
    // The products' sum fits 31 bits, the whole 32 and a sign: where it overflowed, both addends
    // have the sign.
    const Mask overflow =
        _mm512_movepi32_mask(And(_mm512_xor_si512(products, sum), _mm512_xor_si512(own, sum)));
    const Mask negative = _kxor_mask16(_mm512_movepi32_mask(sum), overflow);
    const Ints magnitude = _mm512_mask_sub_epi32(sum, negative, All(0), sum);
    const __m512 whole =
        _mm512_cvt_roundepu32_ps(magnitude, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    const __m512 power =
        _mm512_cvt_roundepi32_ps(exponent, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);  // exact
    const __m512 cut = _mm512_scalef_round_ps(whole, power, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    // Toward zero the largest number would stand for what is beyond it.
    const __m512 nearest =
        _mm512_scalef_round_ps(whole, power, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 infinity = _mm512_castsi512_ps(All(0x7f800000));
    const Mask infinite = _mm512_cmp_ps_mask(nearest, infinity, _CMP_EQ_OQ);
    Ints result = _mm512_castps_si512(_mm512_mask_blend_ps(infinite, cut, infinity));
    result = _mm512_mask_or_epi32(result, negative, result, All(INT32_MIN));
    // An accumulator that is infinite or NaN stays so; inputs are finite here.
    const Ints magnitude_bits = And(bits, All(0x7fffffff));
    const Mask special = _mm512_cmpge_epi32_mask(magnitude_bits, All(0x7f800000));
    const Mask nan = _mm512_cmpgt_epi32_mask(magnitude_bits, All(0x7f800000));
    result = Select(special, bits, result);
    return Select(nan, All(0x7fffffff), result);
  }
};

}  // namespace

ChainTileFunction ChainTileAvx512(int products) { return ChainTileFor<Avx512>(products); }

}  // namespace forensics::runner
