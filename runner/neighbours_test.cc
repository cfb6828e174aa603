#include "runner/neighbours.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

using ::testing::HasSubstr;

constexpr char kMini[] = "testdata/mini_qwen3_moe/";

class NeighboursTest : public testing::Test {
 protected:
  NeighboursTest() : tokenizer_(*Tokenizer::FromFile(absl::StrCat(kMini, "awq/tokenizer.json"))) {
    options_.model = absl::StrCat(kMini, "awq");
    for (const char* name : {"doc1.pdf", "doc2.pdf", "doc3.pdf"}) {
      options_.neighbours.push_back(absl::StrCat(kMini, "documents/", name));
    }
    spec_.set_request("Provide a summary of the text above.");
  }

  absl::StatusOr<std::vector<Neighbour>> Prepare(int prompt_tokens, int batch_size) {
    schema::PromptInfo prompt;
    for (int i = 0; i < prompt_tokens; ++i) prompt.add_token_ids(i);
    prompt.set_token_ids_sha256("of the prompt");
    return PrepareNeighbours(spec_, options_, *tokenizer_, prompt, batch_size);
  }

  void ExpectError(int prompt_tokens, int batch_size, absl::StatusCode code,
                   const std::string& text) {
    const absl::Status status = Prepare(prompt_tokens, batch_size).status();
    EXPECT_EQ(status.code(), code);
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  RunnerOptions options_;
  schema::PromptSpec spec_;
};

TEST_F(NeighboursTest, HaveThePromptsLengthAndDiffer) {
  for (const int tokens : {137, 1000}) {
    const auto neighbours = Prepare(tokens, 4);
    ASSERT_TRUE(neighbours.ok()) << neighbours.status();
    ASSERT_EQ(neighbours->size(), 3u);
    for (const Neighbour& neighbour : *neighbours) {
      EXPECT_EQ(neighbour.token_ids.size(), static_cast<size_t>(tokens));
      EXPECT_EQ(neighbour.info.token_ids_sha256(), schema::TokenIdsSha256(neighbour.token_ids));
      EXPECT_EQ(neighbour.info.document_sha256().size(), 64u);
    }
    EXPECT_EQ((*neighbours)[1].info.document(), "doc2.pdf");
    EXPECT_NE((*neighbours)[0].token_ids, (*neighbours)[1].token_ids);
  }
}

TEST_F(NeighboursTest, AsManyAsTheBatchNeeds) {
  EXPECT_TRUE(Prepare(100, 1)->empty());
  EXPECT_EQ(Prepare(100, 2)->size(), 1u);
  ExpectError(100, 5, absl::StatusCode::kInvalidArgument,
              "batch size 5 needs 4 neighbours, found 3; name each with --neighbour=PDF");
}

TEST_F(NeighboursTest, WhatCannotBeIsSaid) {
  ExpectError(900000, 2, absl::StatusCode::kOutOfRange,
              "doc1.pdf: the document is too short: it has ");
  ExpectError(5, 2, absl::StatusCode::kInvalidArgument, "a prompt of 5 tokens has no room");
  options_.neighbours[2] = options_.neighbours[0];
  ExpectError(100, 4, absl::StatusCode::kInvalidArgument, "doc1.pdf: gives the same prompt as ");
  options_.neighbours[0] = "nowhere.pdf";
  ExpectError(100, 2, absl::StatusCode::kNotFound, "nowhere.pdf");
}

}  // namespace
}  // namespace forensics::runner
