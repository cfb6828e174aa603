// Finished runs, each of which is read once.
#ifndef PODS_RUN_READER_H_
#define PODS_RUN_READER_H_

#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "schema/run.pb.h"
#include "schema/run_directory.h"

namespace forensics::pods {

// What was found whole is not read again while all files of the run have the FileVersion that they
// had. Nothing of it outlives this object: bits that a disk flips unasked are found by the next
// start.
class RunReader {
 public:
  absl::StatusOr<schema::RunManifest> Manifest(const schema::RunDirectory& run);

  // OK if manifest and every stored repetition are as they were written: framing, digests, all
  // ranks. An error says what is not, in which file.
  absl::Status Check(const schema::RunDirectory& run);

 private:
  std::map<std::string, schema::RunManifest> manifests_;  // by path and version
  std::set<std::string> whole_;                           // files of runs, with their versions
};

}  // namespace forensics::pods

#endif  // PODS_RUN_READER_H_
