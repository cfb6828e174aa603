#include "schema/checkpoint_digest.h"

#include <gtest/gtest.h>

#include "schema/digest.h"

namespace forensics::schema {
namespace {

// printf '{}' >config.json; printf weights >model.safetensors
// LC_ALL=C sha256sum config.json model.safetensors | sha256sum
TEST(CheckpointDigestTest, IsWhatSha256sumPrints) {
  EXPECT_EQ(CheckpointDigest(
                {{"model.safetensors", Sha256Hex("weights")}, {"config.json", Sha256Hex("{}")}}),
            "4d29798c6e59eb7dfc2b375b8998040ed29cf33c98038b41e9717a6c37f5dad7");
}

TEST(CheckpointDigestTest, ConfigurationAndWeightsAreOfIt) {
  for (const char* name : {"config.json", "model.safetensors", "model-00001-of-00002.safetensors"})
    EXPECT_TRUE(IsCheckpointFile(name)) << name;
  for (const char* name : {"README.md", "tokenizer.json", "model.safetensors.index.json",
                           "generation_config.json", "below/model.safetensors", ""})
    EXPECT_FALSE(IsCheckpointFile(name)) << name;
}

}  // namespace
}  // namespace forensics::schema
