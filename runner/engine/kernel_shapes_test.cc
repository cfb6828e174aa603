#include "runner/engine/kernel_shapes.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

void Add(KernelUses& uses, const char* phase, const char* kernel, const char* operands,
         int64_t min_rows, int64_t max_rows, int64_t calls = 1) {
  schema::KernelUse& use = *uses.Add();
  use.set_phase(phase);
  use.set_kernel(kernel);
  use.set_operands(operands);
  use.set_calls(calls);
  use.set_min_rows(min_rows);
  use.set_max_rows(max_rows);
}

TEST(KernelShapesTest, SaysWhatSawOtherRows) {
  KernelUses reference, here;
  Add(reference, "prefill", "linear/libtorch", "in=4, out=8", 200, 200);
  Add(here, "prefill", "linear/libtorch", "in=4, out=8", 400, 400);
  Add(reference, "prefill", "experts/libtorch", "in=4, out=8", 1, 90);
  Add(here, "prefill", "experts/libtorch", "in=4, out=8", 2, 90);
  Add(reference, "decode", "linear/own_16_lanes", "in=4, out=8", 1, 1);
  Add(here, "decode", "linear/libtorch", "in=4, out=8", 2, 2);
  EXPECT_THAT(OtherShapes(reference, here),
              ElementsAre("prefill linear/libtorch (in=4, out=8): 200 rows, here 400 rows",
                          "prefill experts/libtorch (in=4, out=8): 1 to 90 rows, here 2 to 90 rows",
                          "decode linear/own_16_lanes (in=4, out=8): 1 row, here none",
                          "decode linear/libtorch (in=4, out=8): none, here 2 rows"));
}

TEST(KernelShapesTest, CallsAndOrderAreNoShape) {
  KernelUses reference, here;
  Add(reference, "prefill", "rms_norm", "width=4", 3, 7, /*calls=*/5);
  Add(reference, "decode", "rms_norm", "width=4", 1, 1);
  Add(here, "decode", "rms_norm", "width=4", 1, 1);
  Add(here, "prefill", "rms_norm", "width=4", 3, 7, /*calls=*/6);
  EXPECT_THAT(OtherShapes(reference, here), IsEmpty());
}

}  // namespace
}  // namespace forensics::runner
