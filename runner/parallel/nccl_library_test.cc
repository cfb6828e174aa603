#include "runner/parallel/nccl_library.h"

#include <nccl.h>

#include <cstddef>

#include "gtest/gtest.h"

namespace forensics::runner::nccl {
namespace {

static_assert(sizeof(UniqueId) == sizeof(ncclUniqueId));
static_assert(int{kSuccess} == int{ncclSuccess});
static_assert(int{kInternalError} == int{ncclInternalError});
static_assert(int{kInProgress} == int{ncclInProgress});
static_assert(int{kFloat16} == int{ncclFloat16});
static_assert(int{kFloat32} == int{ncclFloat32});
static_assert(int{kBfloat16} == int{ncclBfloat16});
static_assert(int{kSum} == int{ncclSum});
static_assert(offsetof(Config, size) == offsetof(ncclConfig_t, size));
static_assert(offsetof(Config, magic) == offsetof(ncclConfig_t, magic));
static_assert(offsetof(Config, version) == offsetof(ncclConfig_t, version));
static_assert(offsetof(Config, blocking) == offsetof(ncclConfig_t, blocking));

TEST(NcclLibraryTest, AConfigIsOneOfNcclsOwn) {
  const ncclConfig_t theirs = NCCL_CONFIG_INITIALIZER;
  EXPECT_EQ(Config().magic, theirs.magic);
  EXPECT_EQ(Config().version, unsigned{NCCL_VERSION(2, 14, 0)});
  EXPECT_LE(Config().size, theirs.size);
}

// The library comes along with this test, and its version needs no GPU.
TEST(NcclLibraryTest, IsFoundAtRunTime) {
  const absl::StatusOr<const Library*> library = Library::Get();
  ASSERT_TRUE(library.ok()) << library.status();
  int version = 0;
  EXPECT_EQ((*library)->ncclGetVersion(&version), kSuccess);
  EXPECT_EQ(version, NCCL_VERSION_CODE);
  EXPECT_STRNE((*library)->ncclGetErrorString(kInternalError), nullptr);
}

}  // namespace
}  // namespace forensics::runner::nccl
