#include "collector/json_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <string>

namespace forensics::collector {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

// The least document that the schema takes, with `extra` behind its required keys.
void WriteDocument(JsonWriter& json, const std::function<void(JsonWriter&)>& extra) {
  json.StartObject();
  json.Key("experiment_metadata");
  json.StartObject();
  for (const char* name : {"experiment_type", "variable_tested", "model", "model_size",
                           "architecture", "date_created"}) {
    json.Key(name);
    json.String("x");
  }
  for (const char* name : {"sequence_length", "decode_steps"}) {
    json.Key(name);
    json.Int(1);
  }
  json.Key("extraction_config");
  json.StartObject();
  for (const char* name : {"layers", "positions"}) {
    json.Key(name);
    json.Vector("", 0);
  }
  for (const char* name : {"hidden_dim", "key_dim", "top_k_logprobs"}) {
    json.Key(name);
    json.Int(1);
  }
  json.EndObject();
  json.EndObject();
  for (const char* name : {"configurations", "runs"}) {
    json.Key(name);
    json.StartArray();
    json.EndArray();
  }
  extra(json);
  json.EndObject();
}

class JsonWriterTest : public testing::Test {
 protected:
  absl::Status Write(const std::function<void(JsonWriter&)>& extra) {
    path_ = testing::TempDir() + "/" +
            testing::UnitTest::GetInstance()->current_test_info()->name() + ".json";
    absl::StatusOr<schema::AtomicFile> file = schema::AtomicFile::Create(path_);
    JsonWriter json(*file);
    WriteDocument(json, extra);
    absl::Status status = json.Finish();
    return status.ok() ? file->Commit() : status;
  }

  std::string path_;
};

TEST_F(JsonWriterTest, WritesEveryType) {
  const absl::Status status = Write([](JsonWriter& json) {
    json.Break();
    json.Key("a\"b\\\n\x01\xE2\x82\xAC");
    json.StartArray();
    json.Int(-7);
    json.Double(0.1);
    json.Double(-0.0);
    json.Double(std::numeric_limits<double>::infinity());
    json.Bool(true);
    json.Null();
    json.StringOrNull("");
    json.StringOrNull("s");
    json.String("");
    json.Vector("1,2", 2);
    json.StartObject();
    json.EndObject();
    json.EndArray();
  });
  ASSERT_EQ(status, absl::OkStatus());
  EXPECT_THAT(*schema::ReadFile(path_),
              EndsWith(",\n\"a\\\"b\\\\\\n\\u0001\xE2\x82\xAC\":"
                       "[-7,0.1,-0.0,\"Infinity\",true,null,null,\"s\",\"\",[1,2],{}]}"));
}

TEST_F(JsonWriterTest, LargeDocumentsAreWrittenInPieces) {
  const std::string elements(300000, '1');
  ASSERT_EQ(Write([&](JsonWriter& json) {
              json.Key("big");
              json.StartArray();
              for (int i = 0; i < 5; ++i) json.Vector(elements, 1);
              json.EndArray();
            }),
            absl::OkStatus());
  EXPECT_GT(std::filesystem::file_size(path_), 1500000u);
}

TEST_F(JsonWriterTest, TextThatIsNotUtf8IsAnError) {
  const absl::Status status = Write([](JsonWriter& json) {
    json.Key("text");
    json.String("\xff\xfe");
  });
  EXPECT_THAT(std::string(status.message()), HasSubstr("at /text: text that is not UTF-8"));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(JsonWriterTest, WhatBreaksTheSchemaIsAnErrorAndNoFile) {
  const absl::Status status = Write([](JsonWriter& json) {
    json.Key("schema_version");
    json.String("one");
    json.Key("more");
    json.Int(1);
  });
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("breaks its schema: at /schema_version: expected \"integer\""));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(JsonWriterTest, AnUnfinishedDocumentIsAnError) {
  EXPECT_FALSE(Write([](JsonWriter& json) {
                 json.Key("open");
                 json.StartArray();
               }).ok());
}

}  // namespace
}  // namespace forensics::collector
