// A matrix product that stays on the thread that calls it: no pool, no library's state.
#ifndef RUNNER_OPS_SERIAL_PRODUCT_H_
#define RUNNER_OPS_SERIAL_PRODUCT_H_

#include <cstdint>

namespace forensics::runner {

// c [size, size] = a [size, size] times b [size, size], float32, row-major; size a multiple of 32.
void SerialProduct(const float* a, const float* b, int64_t size, float* c);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_SERIAL_PRODUCT_H_
