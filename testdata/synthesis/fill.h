// The bytes of a synthetic tensor, any part of it at a time.
//
// Only integer arithmetic and correctly rounded float operations: the bytes are the same on every
// machine. Bytes are in the order of a little-endian machine, as safetensors stores them.
#ifndef TESTDATA_SYNTHESIS_FILL_H_
#define TESTDATA_SYNTHESIS_FILL_H_

#include <cstdint>
#include <functional>
#include <string>

#include "testdata/synthesis/random_bits.h"

namespace forensics::synthesis {

// Writes the tensor's bytes [begin, end) to `out`; begin is a multiple of 8, and so is end unless
// the tensor ends there.
using Fill = std::function<void(int64_t begin, int64_t end, char* out)>;

enum class Float { kFloat32, kFloat16, kBfloat16 };

// Sixteen 4-bit levels a word, each of 0..15 as likely: AWQ.
Fill UniformLevels(RandomBits bits);
// Levels with mean 8 exactly, as a symmetric quantiser's: 0 becomes 8. GPTQ.
Fill SymmetricLevels(RandomBits bits);
inline constexpr double kSymmetricLevelVariance = 17.5;
// Codes of NF4 whose values have a mean of 0, which those of 0..15 have not (0.023): in every
// second place code 15 becomes 10. A mean would be one direction that all weights agree on.
Fill Nf4Codes(RandomBits bits);
// Levels 6 to 9, each as likely: zero points.
Fill ZeroPoints(RandomBits bits);

Fill RepeatedWord(uint64_t word);
// int32: element i is i / group.
Fill GroupIndices(int64_t group);
Fill Literal(std::string bytes);

// mean + deviation * t, where t has mean 0 and variance 1: the sum of two uniform numbers.
Fill BellShaped(RandomBits bits, Float format, double mean, double deviation);
// The same with mean 0 for [rows, columns], each row times its own factor of 0.8 to 1.2.
Fill BellShapedRows(RandomBits bits, RandomBits factors, Float format, int64_t columns,
                    double deviation);
// float32, uniform in [low, high].
Fill Uniform(RandomBits bits, double low, double high);
// Positive and skewed, from 0.31 to 1.7 times root_mean_square, with that root mean square.
Fill SkewedScales(RandomBits bits, Float format, double root_mean_square);

}  // namespace forensics::synthesis

#endif  // TESTDATA_SYNTHESIS_FILL_H_
