// One configuration: its repetitions, their verdict, and its run directory.
#ifndef RUNNER_ENGINE_SESSION_H_
#define RUNNER_ENGINE_SESSION_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/engine/kernel_shapes.h"
#include "runner/engine/progress.h"
#include "runner/parallel/communicator.h"
#include "schema/run.pb.h"
#include "schema/run_directory.h"
#include "schema/shard.h"

namespace forensics::runner {

struct SessionOptions {
  int repetitions = 3;
  bool resume = true;      // keep the finished repetitions of unfinished work
  bool overwrite = false;  // redo finished work
  // Of the reference's run, if there is one: what the manifest's other_shapes are held against.
  std::optional<KernelUses> reference_kernels;
};

// Runs one repetition from a fresh state; all of the header but `part` is the session's.
using RunRepetition = std::function<absl::StatusOr<schema::Repetition>(int repetition)>;

// SHA-256 (hex) over what determines the captured bits: all of the manifest but the repetitions,
// their number and verdict, times, kernels' shapes, the provider, and itself.
std::string WorkDigest(const schema::RunManifest& manifest);

// Completes `identity`, a manifest with everything but work_digest, repetitions and verdict:
//  * finished before: that manifest, if it is of the same work and has as many repetitions; else
//    FailedPrecondition naming what differs, unless `overwrite`. Another build of the runner is no
//    other work, once it is finished: that is noted.
//  * unfinished: repetitions of the same work are kept, others removed; the rest is run, each
//    written as its shard when it is done.
// Then all repetitions are compared byte by byte, and the manifest is written. Identical: the last
// one's shard stays, the others' are removed. Not identical: all stay, and manifest.reproducible is
// false.
// An error of RunRepetition leaves the finished repetitions for the next try. Two sessions at once
// in one directory: FailedPrecondition for the second.
//
// A run of many ranks has its session on rank 0; the others follow it. Each writes its own shard of
// each repetition into `directory`, which all of them see; rank 0 reads all and joins them.
absl::StatusOr<schema::RunManifest> RunSession(const schema::RunDirectory& directory,
                                               const schema::RunManifest& identity,
                                               const SessionOptions& options,
                                               const RunRepetition& run_repetition,
                                               Communicator& ranks, Progress& progress);

// The part of the other ranks: runs and writes what rank 0's session says, until it ends. The error
// of any rank ends it on all.
absl::Status FollowSession(const schema::RunDirectory& directory,
                           const RunRepetition& run_repetition, Communicator& ranks);

// Whether all ranks are about to do the same work: FailedPrecondition, on every rank, names the
// first that is not and what differs (another checkpoint, build, setting).
absl::Status CheckSameWork(const schema::RunManifest& mine, Communicator& ranks);

// The stored repetition of a finished run: its tokens and signals serve as reference to others.
absl::StatusOr<schema::Repetition> ReadSignals(const schema::RunDirectory& directory,
                                               const schema::RunManifest& manifest);

// UTC, "YYYY-MM-DD HH:MM:SS".
std::string UtcNow();

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_SESSION_H_
