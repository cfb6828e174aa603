#include "pods/model_identity.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "schema/atomic_file.h"
#include "schema/checkpoint_digest.h"
#include "schema/digest.h"

namespace forensics::pods {
namespace {

class ModelIdentityTest : public testing::Test {
 protected:
  std::string Folder(const std::string& name) const {
    return absl::StrCat(testing::TempDir(), "/", name);
  }
  void Write(const std::string& folder, const std::string& name, const std::string& text) const {
    const auto written = schema::WriteFileAtomically(Folder(folder) + "/" + name, text);
    EXPECT_TRUE(written.ok()) << written;
  }
  // As fetch_model leaves it; the list is believed, and no file read.
  void WriteList(const std::string& folder, const std::string& heading) const {
    Write(folder, "SHA256SUMS",
          absl::StrCat("# ", heading, "\n", schema::Sha256Hex("of no account"), "  README.md\n",
                       schema::Sha256Hex("{}"), "  config.json\n", schema::Sha256Hex("weights"),
                       "  model.safetensors\n", schema::Sha256Hex("other"),
                       "  below/model.safetensors\n"));
  }
  std::string Identity(const Model& model, const std::string& folder) {
    const auto identity = ModelIdentity(model, Folder(folder), digests_);
    EXPECT_TRUE(identity.ok()) << identity.status();
    return identity.value_or("");
  }
  static Model Fetched(const std::string& revision) {
    Model model;
    model.set_repository("org/awq");
    model.set_revision(revision);
    return model;
  }

  const std::string commit_ = std::string(40, '1');
  const std::string digest_ =
      schema::CheckpointDigest({{"config.json", schema::Sha256Hex("{}")},
                                {"model.safetensors", schema::Sha256Hex("weights")}});
  FileDigests digests_;
};

TEST_F(ModelIdentityTest, TheSameFilesAreTheSameModelWhereverTheyCameFrom) {
  Write("lying", "config.json", "{}");
  Write("lying", "model.safetensors", "weights");
  Write("lying", "tokenizer.json", "of no account");
  EXPECT_EQ(Identity(Model(), "lying"), digest_);
  WriteList("fetched", absl::StrCat("org/awq ", commit_, " ", commit_));
  EXPECT_EQ(Identity(Fetched(commit_), "fetched"), absl::StrCat("org/awq ", commit_, " ", digest_));
}

// As the runner takes them: weights in one file, else those that the index lists.
TEST_F(ModelIdentityTest, WeightsThatAreNotLoadedDoNotCount) {
  const auto digest = [](const std::vector<std::string>& weights) {
    std::map<std::string, std::string> files = {{"config.json", schema::Sha256Hex("{}")}};
    for (const std::string& name : weights) files[name] = schema::Sha256Hex(name);
    return schema::CheckpointDigest(files);
  };
  Write("many", "config.json", "{}");
  for (const char* name : {"1.safetensors", "2.safetensors", "extra.safetensors"}) {
    Write("many", name, name);
  }
  EXPECT_EQ(Identity(Model(), "many"),
            digest({"1.safetensors", "2.safetensors", "extra.safetensors"}));
  Write("many", "model.safetensors.index.json",
        R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}})");
  EXPECT_EQ(Identity(Model(), "many"), digest({"1.safetensors", "2.safetensors"}));
  Write("many", "model.safetensors", "model.safetensors");
  EXPECT_EQ(Identity(Model(), "many"), digest({"model.safetensors"}));
}

TEST_F(ModelIdentityTest, WithoutItsFilesAFetchedModelIsItsCommit) {
  WriteList("other", "org/awq 2 2");
  for (const char* folder : {"nowhere", "other"}) {
    EXPECT_EQ(Identity(Fetched(commit_), folder), "org/awq " + commit_);
  }
  EXPECT_TRUE(absl::IsNotFound(ModelIdentity(Model(), Folder("nowhere"), digests_).status()));
}

TEST_F(ModelIdentityTest, DigestsDecideElseCommits) {
  const std::string one(64, '1'), two(64, '2');
  const struct {
    std::string found, expected;
    bool is_same;
    std::string difference;
  } cases[] = {
      {one, one, true, ""},
      {one, two, false, one + ", expected " + two},
      {"a 1 " + one, one, true, ""},
      {one, "a 1 " + one, true, ""},
      {"a 1 " + one, "a 2 " + one, true, ""},
      {"a 1 " + one, "a 2 " + two, false, "a 1, expected a 2"},
      {"a 1 " + one, "a 1 " + two, false, "a 1 " + one + ", expected a 1 " + two},
      {"a 1 " + one, "a 1", true, ""},
      {"a 1", "a 1 " + one, true, ""},
      {"a 1 " + one, "a 2", false, "a 1, expected a 2"},
      {"a 1", "b 1", false, "a 1, expected b 1"},
      {one, "a 1", false, one + ", expected a 1"},
      {"a 1", one, false, "a 1, expected " + one},
  };
  for (const auto& [found, expected, is_same, difference] : cases) {
    EXPECT_EQ(DigestOfIdentity(found), absl::EndsWith(found, one) ? one : "");
    EXPECT_EQ(IsSameModel(found, expected), is_same) << found << " and " << expected;
    if (is_same) continue;
    EXPECT_EQ(ModelDifference(found, expected), difference);
  }
}

}  // namespace
}  // namespace forensics::pods
