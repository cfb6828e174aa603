#include "runner/ops/serial_product.h"

#include "runner/ops/lanes.h"

namespace forensics::runner {

FORENSICS_TARGET_CLONES void SerialProduct(const float* a, const float* b, int64_t size, float* c) {
  constexpr int kRows = 4, kColumns = 2;  // a block of c that the registers hold
  for (int64_t column = 0; column < size; column += kColumns * kLanes) {
    for (int64_t row = 0; row < size; row += kRows) {
      Lanes sums[kRows][kColumns] = {};
      for (int64_t k = 0; k < size; ++k) {
        const float* right = b + k * size + column;
        FORENSICS_UNROLL
        for (int i = 0; i < kRows; ++i) {
          const float left = a[(row + i) * size + k];
          FORENSICS_UNROLL
          for (int j = 0; j < kColumns; ++j) sums[i][j] += LoadLanes(right + j * kLanes) * left;
        }
      }
      FORENSICS_UNROLL
      for (int i = 0; i < kRows; ++i) {
        FORENSICS_UNROLL
        for (int j = 0; j < kColumns; ++j) {
          StoreLanes(sums[i][j], c + (row + i) * size + column + j * kLanes);
        }
      }
    }
  }
}

}  // namespace forensics::runner
