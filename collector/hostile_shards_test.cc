// What is no honest run costs an error that names file and cause: never a file half written, a
// process that waits for ever or more than 1 GiB.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/fuse.h"
#include "collector/testing/results.h"
#include "schema/record_file.h"
#include "schema/testing/one_gibibyte.h"

namespace forensics::collector {
namespace {

namespace fs = std::filesystem;
using schema::PositionRecord;
using schema::Repetition;
using schema::RunManifest;
using schema::ShardRecord;
using schema::SyntheticRun;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HostileShards : public ResultsTest {
 protected:
  absl::StatusOr<FuseReport> FuseAll() const {
    return Fuse({{{results_}, {}, false}, output_, "2025-06-07 08:09:10"}, nullptr);
  }

  // What is said where nothing can be written.
  std::string Refusal() const {
    const absl::StatusOr<FuseReport> report = FuseAll();
    if (!report.ok()) return std::string(report.status().message());
    EXPECT_THAT(report->files, IsEmpty());
    return report->problems.empty() ? "" : report->problems.front();
  }

  // Files of any name: a temporary one would be half an experiment.
  std::ptrdiff_t Left() const {
    if (!fs::exists(output_)) return 0;
    return std::distance(fs::directory_iterator(output_), fs::directory_iterator());
  }

  void ExpectRefusal(const std::string& path, const std::string& cause) const {
    EXPECT_THAT(Refusal(), AllOf(HasSubstr(path), HasSubstr(cause)));
    EXPECT_EQ(Left(), 0) << cause;
  }

  // Puts `bytes` in the place of the shard; its folder stays.
  void Replace(const std::string& path, absl::string_view bytes) const {
    fs::remove_all(path);
    ASSERT_TRUE(schema::WriteFileAtomically(path, bytes).ok());
  }

  const std::string output_ = folder_ + "/experiments";
  const std::string run_ = results_ + "/A100-80GB/A100_reference";
  const std::string shard_ = run_ + "/rep_2.rank_0_of_1.shard";
  const std::string manifest_ = run_ + "/manifest.textproto";
};

TEST_F(HostileShards, CutAtAnyByteAreNamed) {
  SyntheticRun small;
  small.layers = {1};
  small.decode_steps = 2;
  Write(small);
  const std::string shard = *schema::ReadFile(shard_);
  for (size_t size = 0; size < shard.size(); ++size) {
    Replace(shard_, shard.substr(0, size));
    ExpectRefusal(shard_, "cut off: ");
  }
  Replace(shard_, shard);
  const std::string manifest = *schema::ReadFile(manifest_);
  for (size_t size = 0; size + 1 < manifest.size(); ++size) {  // the last line's end says nothing
    Replace(manifest_, manifest.substr(0, size));
    const std::string said = Refusal();
    EXPECT_THAT(said, HasSubstr(manifest_ + ": "));
    EXPECT_TRUE(absl::StrContains(said, "cut off") || absl::StrContains(said, "damaged"))
        << size << ": " << said;
  }
  Replace(manifest_, manifest);
  EXPECT_TRUE(FuseAll().ok()) << "what was damaged was the bytes alone";
}

TEST_F(HostileShards, AChangedByteAnywhereIsNamed) {
  SyntheticRun small;
  small.layers = {1};
  small.decode_steps = 2;
  Write(small);
  for (const std::string& path : {shard_, manifest_}) {
    const std::string sound = *schema::ReadFile(path);
    for (size_t i = 0; i < sound.size(); ++i) {
      std::string changed = sound;
      changed[i] = static_cast<char>(changed[i] ^ 0x40);
      Replace(path, changed);
      EXPECT_THAT(Refusal(), HasSubstr(path + ": ")) << i;
    }
    Replace(path, sound);
  }
  EXPECT_EQ(Left(), 0);
}

std::string WithChecksum(std::string bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  crc = ~crc;
  return bytes.append(reinterpret_cast<const char*>(&crc), sizeof crc);
}

// The length of the first record, with its right checksum, in its place behind the header.
TEST_F(HostileShards, LyingLengthsAreNamed) {
  Write({});
  const std::string shard = *schema::ReadFile(shard_);
  uint32_t length = 0;
  std::memcpy(&length, shard.data() + 16, sizeof length);
  const std::pair<uint32_t, const char*> cases[] = {
      {0, "damaged: "},
      {length - 1, "damaged: the checksum of bytes 24 to "},
      {length + 1, "damaged: the checksum of bytes 24 to "},
      {uint32_t{1} << 28, "cut off: "},
      {(uint32_t{1} << 28) + 1, "damaged: a record of 268435457 bytes at 24"},
      {0x7fffffff, "damaged: a record of 2147483647 bytes at 24"},
      {0xffffffff, "damaged: a record of 4294967295 bytes at 24"}};
  for (const auto& [lie, cause] : cases) {
    const std::string field(reinterpret_cast<const char*>(&lie), sizeof lie);
    Replace(shard_, shard.substr(0, 16) + WithChecksum(field) + shard.substr(24));
    ExpectRefusal(shard_, cause);
  }
}

// What a writer who makes all checksums right may still say.
struct Lie {
  std::function<void(Repetition&)> of_shard;
  std::function<void(RunManifest&)> of_manifest;
  std::string cause;
};

TEST_F(HostileShards, WrongDigestsAndAbsurdDimensionsAreNamed) {
  const auto layer = [](Repetition& r) { return r.positions[0].mutable_layers(0); };
  const Lie cases[] = {
      {[&](auto& r) { layer(r)->mutable_key()->set_sha256("0123"); }, nullptr,
       "position 2, layer 1, key: SHA-256 "},
      {[&](auto& r) { layer(r)->mutable_hidden_state()->mutable_data()->back() ^= 1; }, nullptr,
       "position 2, layer 1, hidden state: SHA-256 "},
      {[&](auto& r) { *layer(r)->mutable_key() = schema::MakeValues(schema::FLOAT32, "abc"); },
       nullptr, "position 2, layer 1, key: 3 bytes of dtype FLOAT32"},
      {[&](auto& r) { layer(r)->mutable_key()->set_dtype(static_cast<schema::DType>(99)); },
       nullptr, "position 2, layer 1, key: 16 bytes of dtype 99"},
      {[](auto& r) { r.positions[0].mutable_top_log_probs()->add_token_ids(-1); }, nullptr,
       "4 token ids, but 3 float32 log-probs"},
      {[](auto& r) { r.positions[0].set_position(2'147'483'647); }, nullptr,
       "position 3, expected "},
      {[](auto& r) { r.steps[1].set_step(-5); }, nullptr, "step -5, expected 1"},
      {[](auto& r) { r.header.set_world_size(2'147'483'647); }, nullptr,
       "rep_2.rank_0_of_1.shard: no such file"},
      {[](auto& r) { r.header.set_work_digest("another"); }, nullptr, "work_digest is another"},
      {nullptr, [](auto& m) { m.mutable_model()->set_hidden_size(2'147'483'647); },
       "hidden state elements is 8, expected 2147483647"},
      {nullptr, [](auto& m) { m.mutable_model()->set_key_size(-1); },
       "key elements is 4, expected -1"},
      {nullptr, [](auto& m) { m.mutable_extraction()->set_window(1'000'000'000); },
       "extraction.window is 1000000000, expected at most 1024"},
      {nullptr, [](auto& m) { m.mutable_extraction()->set_layers(1, 1); },
       "extraction.layers: 1 behind 1"},
      {nullptr, [](auto& m) { m.mutable_extraction()->set_layers(0, -1); },
       "extraction.layers: -1"},
      {nullptr, [](auto& m) { m.set_decode_steps(2'147'483'647); },
       "number of steps is 4, expected 2147483647"},
      {nullptr,
       [](auto& m) {
         m.mutable_config()->set_tp_size(1 << 30);
         m.mutable_config()->set_ep_size(1 << 30);
       },
       "rep_2.rank_0_of_2147483647.shard: no such file"},
      {nullptr, [](auto& m) { m.mutable_repetitions(2)->set_runtime_seconds(NAN); },
       "repetitions[2].runtime_seconds is nan"},
  };
  for (const Lie& lie : cases) {
    fs::remove_all(folder_);
    SyntheticRun run;
    // Behind the digests of values; that of all signals is made again.
    run.edit_shard = lie.of_shard;
    run.edit_manifest = lie.of_manifest;
    Write(run);
    ExpectRefusal(run_, lie.cause);
  }
}

// What stands where the shard should be.
TEST_F(HostileShards, WhatIsNoFileIsNamedAndNotWaitedFor) {
  const RunManifest reference = Write({});
  WriteVariants("batch_size", reference);
  const std::string other = results_ + "/A100-80GB/A100_bs2/rep_2.rank_0_of_1.shard";
  const std::pair<std::function<void()>, const char*> cases[] = {
      {[this] { fs::create_directory(shard_); }, "is a directory, expected a file"},
      {[this] { EXPECT_EQ(mkfifo(shard_.c_str(), 0600), 0); }, "is no regular file"},
      {[this] { fs::create_symlink("/dev/zero", shard_); }, "is no regular file"},
      {[this] { fs::create_symlink("nowhere", shard_); }, "no such file"},
      {[this] { fs::create_symlink(shard_, shard_); }, "Too many levels of symbolic links"},
      {[this] { Replace(shard_, ""); }, "cut off: 0 bytes"},
      {[this] { Replace(shard_, "{\"runs\": []}"); }, "not a shard"},
      {[this, other] { fs::create_symlink(other, shard_); }, "config_id is A100_bs2, expected "},
      {[this, other] { fs::copy_file(other, shard_); }, "config_id is A100_bs2, expected "}};
  for (const auto& [put, cause] : cases) {
    fs::remove_all(output_);
    fs::remove_all(shard_);
    put();
    const absl::StatusOr<FuseReport> report = FuseAll();
    ASSERT_TRUE(report.ok()) << "the other runs are fused: " << report.status();
    EXPECT_THAT(report->problems,
                testing::Contains(
                    AllOf(HasSubstr(shard_ + ": "), HasSubstr(cause), HasSubstr("left out"))));
    EXPECT_FALSE(fs::exists(output_ + "/reference_baseline.json")) << cause;
    EXPECT_EQ(Left(), 1) << cause;  // batch_size_experiment.json
  }
}

TEST_F(HostileShards, RunsThatContradictEachOtherAreRefusedByFolder) {
  Write({}, results_ + "/first");
  SyntheticRun other_seed;
  other_seed.seed = 2;
  Write(other_seed, results_ + "/second");
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("reference is refused: "), HasSubstr("/first/"),
                               HasSubstr("/second/")));
  EXPECT_EQ(Left(), 0);
}

// Records with right checksums that are small in the file and large once they are read.
TEST_F(HostileShards, BombsEndInAnErrorWithinOneGibibyte) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer needs more address space";
#endif
  Write({});
  const auto with = [](const std::function<void(ShardRecord&)>& fill) {
    ShardRecord record;
    fill(record);
    return record.SerializeAsString();
  };
  const std::string header = with([](auto& record) { record.mutable_header(); });
  std::string layers = with([](auto& record) { record.mutable_position(); });
  std::string many(100 << 20, '\0');  // of `layers {}`: two bytes each
  for (size_t i = 0; i < many.size(); i += 2) many[i] = 0x1a;
  // The length of the one field that the record has, and its content.
  std::string length;
  for (size_t left = many.size(); left > 0; left >>= 7) {
    length.push_back(static_cast<char>((left & 0x7f) | (left > 0x7f ? 0x80 : 0)));
  }
  const std::string one_record = layers.substr(0, 1) + length + many;
  const std::pair<const char*, std::function<absl::Status(schema::RecordWriter&)>> cases[] = {
      {"one record of millions of messages",
       [&](schema::RecordWriter& writer) { return writer.Write(one_record); }},
      {"millions of records", [&](schema::RecordWriter& writer) {
         absl::Status status;
         for (int i = 0; status.ok() && i < 3'000'000; ++i) {
           status = writer.Write(with([i](auto& record) { record.mutable_step()->set_step(i); }));
         }
         return status;
       }}};
  many.clear();
  for (const auto& [name, write] : cases) {
    fs::remove(shard_);
    auto writer = schema::RecordWriter::Create(shard_);
    ASSERT_TRUE(writer.ok() && writer->Write(header).ok() && write(*writer).ok());
    ASSERT_TRUE(writer->Close().ok());
    EXPECT_THAT(schema::SaidInOneGibibyte([this] { return Refusal(); }),
                AllOf(HasSubstr(shard_ + ": "), HasSubstr("more than 268435456 bytes in memory")))
        << name;
  }
  EXPECT_EQ(Left(), 0);
}

// Each rank's shard is within its own limit.
TEST_F(HostileShards, RanksThatAreTooMuchTogetherEndInAnErrorWithinOneGibibyte) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer needs more address space";
#endif
  constexpr int kRanks = 10;
  SyntheticRun run;
  run.edit_manifest = [](RunManifest& m) { m.mutable_config()->set_tp_size(kRanks); };
  const RunManifest manifest = Write(run);
  fs::remove(shard_);
  Repetition shard;
  shard.header.set_config_id(manifest.config_id());
  shard.header.set_work_digest(manifest.work_digest());
  shard.header.set_repetition(2);
  shard.header.set_world_size(kRanks);
  shard.steps.resize(400'000);
  for (size_t i = 0; i < shard.steps.size(); ++i) {
    shard.steps[i].set_step(static_cast<int>(i));
    shard.steps[i].set_token_text(std::string(100, 'x'));
  }
  shard.footer.set_signals_sha256(schema::SignalsDigest(shard));
  for (int rank = 0; rank < kRanks; ++rank) {
    shard.header.set_rank(rank);
    ASSERT_TRUE(
        schema::WriteShard(absl::StrCat(run_, "/rep_2.rank_", rank, "_of_10.shard"), shard).ok());
  }
  shard.steps = {};
  EXPECT_THAT(schema::SaidInOneGibibyte([this] { return Refusal(); }),
              AllOf(HasSubstr(run_ + "/rep_2.rank_"),
                    HasSubstr("this and the ranks before it take more than 536870912 bytes")));
}

TEST_F(HostileShards, AManifestThatIsTooLongIsNamed) {
  Write({});
  std::string text;
  while (text.size() <= size_t{16} << 20) text += "other_shapes: \"0123456789\"\n";
  Replace(manifest_, text);
  ExpectRefusal(manifest_, "more than 16777216 bytes");
}

}  // namespace
}  // namespace forensics::collector
