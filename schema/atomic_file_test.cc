#include "schema/atomic_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::schema {
namespace {

namespace fs = std::filesystem;

class AtomicFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(testing::TempDir(), "/",
                           testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
  }

  int FilesInFolder() const {
    int count = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder_)) ++count;
    return count;
  }

  std::string folder_;
};

TEST_F(AtomicFileTest, MakesFoldersAndReplacesOnlyOnCommit) {
  const std::string path = folder_ + "/a/b";
  ASSERT_TRUE(WriteFileAtomically(path, "old").ok());
  {
    absl::StatusOr<AtomicFile> file = AtomicFile::Create(path);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE(file->Append("new").ok());
    EXPECT_EQ(ReadFile(path).value(), "old");
    ASSERT_TRUE(file->Commit().ok());
    EXPECT_EQ(ReadFile(path).value(), "new");
  }
  EXPECT_EQ(ReadFile(path).value(), "new");
}

TEST_F(AtomicFileTest, WithoutCommitNothingIsLeft) {
  {
    absl::StatusOr<AtomicFile> file = AtomicFile::Create(folder_ + "/x");
    ASSERT_TRUE(file->Append(std::string(3 << 20, 'x')).ok());
  }
  EXPECT_EQ(FilesInFolder(), 0);
}

TEST_F(AtomicFileTest, WritesMoreThanItsBuffer) {
  std::string text;
  for (int i = 0; i < 700'000; ++i) absl::StrAppend(&text, i);
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/x", text).ok());
  EXPECT_EQ(ReadFile(folder_ + "/x").value(), text);
}

TEST_F(AtomicFileTest, KilledWriterLeavesTheOldFileAndATemporaryThatIsFound) {
  const std::string path = folder_ + "/x";
  ASSERT_TRUE(WriteFileAtomically(path, "old").ok());
  const pid_t child = fork();
  if (child == 0) {
    absl::StatusOr<AtomicFile> file = AtomicFile::Create(path);
    (void)file->Append(std::string(3 << 20, 'x'));
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(ReadFile(path).value(), "old");
  EXPECT_EQ(FilesInFolder(), 2);
  ASSERT_TRUE(RemoveStaleTemporaries(folder_).ok());
  EXPECT_EQ(FilesInFolder(), 1);
}

TEST_F(AtomicFileTest, ALivingWritersTemporaryStays) {
  const std::string other = absl::StrCat(folder_, "/x.tmp.", getppid());
  ASSERT_TRUE(WriteFileAtomically(other, "").ok());
  ASSERT_TRUE(RemoveStaleTemporaries(folder_).ok());
  EXPECT_EQ(FilesInFolder(), 1);
  EXPECT_TRUE(RemoveStaleTemporaries(folder_ + "/none").ok());
}

// A limit on file sizes stands in for a full disk: write fails in the middle.
TEST_F(AtomicFileTest, AFailedWriteIsAnErrorAndLosesNothing) {
  const std::string path = folder_ + "/x";
  ASSERT_TRUE(WriteFileAtomically(path, "old").ok());
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {1 << 20, 1 << 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    const absl::Status written = WriteFileAtomically(path, std::string(5 << 20, 'x'));
    const bool named = std::string(written.message()).find(path) != std::string::npos;
    _exit(!written.ok() && named ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(ReadFile(path).value(), "old");
  EXPECT_EQ(FilesInFolder(), 1);
}

TEST_F(AtomicFileTest, ALinkStaysAndItsTargetIsReplaced) {
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/d/target", "old").ok());
  fs::create_symlink("d/target", folder_ + "/link");
  fs::create_symlink("d/new", folder_ + "/dangling");
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/link", "new").ok());
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/dangling", "newer").ok());
  EXPECT_TRUE(fs::is_symlink(folder_ + "/link"));
  EXPECT_TRUE(fs::is_symlink(folder_ + "/dangling"));
  EXPECT_EQ(ReadFile(folder_ + "/d/target").value(), "new");
  EXPECT_EQ(ReadFile(folder_ + "/d/new").value(), "newer");
}

TEST_F(AtomicFileTest, APipeIsWrittenTo) {
  fs::create_directories(folder_);
  const std::string path = folder_ + "/pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(WriteFileAtomically(path, "x").message(), path + ": a pipe that nobody reads");
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_TRUE(WriteFileAtomically(path, "text").ok());
  char read_back[8] = {};
  EXPECT_EQ(read(reader, read_back, sizeof read_back), 4);
  EXPECT_STREQ(read_back, "text");
  close(reader);
  EXPECT_TRUE(fs::is_fifo(path));
  EXPECT_EQ(FilesInFolder(), 1);
}

// As --tidy=/dev/stdout >file: what is printed afterwards stands behind it.
TEST_F(AtomicFileTest, AnOpenDescriptorIsWrittenToWhereItStands) {
  fs::create_directories(folder_);
  const std::string path = folder_ + "/x";
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  ASSERT_EQ(write(fd, "a", 1), 1);
  fs::create_symlink(absl::StrCat("/proc/self/fd/", fd), folder_ + "/own");
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/own", "b").ok());
  ASSERT_TRUE(WriteFileAtomically(absl::StrCat("/dev/fd/", fd), "c").ok());
  ASSERT_EQ(write(fd, "d", 1), 1);
  close(fd);
  EXPECT_EQ(ReadFile(path).value(), "abcd");
}

TEST_F(AtomicFileTest, ADirectoryIsRefusedBeforeAnythingIsWritten) {
  fs::create_directories(folder_);
  EXPECT_EQ(AtomicFile::Create(folder_).status().message(),
            folder_ + ": is a directory, expected a file");
  EXPECT_FALSE(fs::exists(absl::StrCat(folder_, ".tmp.", getpid())));
}

TEST_F(AtomicFileTest, ASetIsThereWholeOrNotAtAll) {
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/a", "old").ok());
  fs::create_directories(folder_ + "/blocked");
  {
    AtomicFileSet files;
    ASSERT_TRUE(files.Write(folder_ + "/a", "new").ok());
    ASSERT_TRUE(files.Write(folder_ + "/b", "new").ok());
    EXPECT_FALSE(files.Write(folder_ + "/blocked", "new").ok());
  }
  EXPECT_EQ(ReadFile(folder_ + "/a").value(), "old");
  EXPECT_EQ(FilesInFolder(), 2);
  AtomicFileSet files;
  ASSERT_TRUE(files.Write(folder_ + "/a", "new").ok());
  ASSERT_TRUE(files.Write(folder_ + "/b", "new").ok());
  EXPECT_EQ(FilesInFolder(), 4) << "temporaries beside what was there";
  ASSERT_TRUE(files.Commit().ok());
  EXPECT_EQ(ReadFile(folder_ + "/a").value(), "new");
  EXPECT_EQ(ReadFile(folder_ + "/b").value(), "new");
  EXPECT_EQ(FilesInFolder(), 3);
}

TEST_F(AtomicFileTest, ErrorsNameThePath) {
  fs::create_directories(folder_);
  EXPECT_THAT(std::string(ReadFile(folder_).status().message()), testing::HasSubstr("directory"));
  EXPECT_EQ(ReadFile(folder_ + "/none").status().code(), absl::StatusCode::kNotFound);
  std::ofstream(folder_ + "/file") << "x";
  EXPECT_THAT(std::string(WriteFileAtomically(folder_ + "/file/x", "").message()),
              testing::HasSubstr(folder_ + "/file"));
}

TEST(ReadFile, AFileWithoutEndIsRefusedAtTheLimit) {
  EXPECT_EQ(std::string(ReadFile("/dev/zero", 1 << 20).status().message()),
            "/dev/zero: more than 1048576 bytes, the most that is read");
}

}  // namespace
}  // namespace forensics::schema
