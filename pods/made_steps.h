// The steps whose output is made from runs or experiment files alone, by the collector or the
// analyzer, and can be made again at any time.
#ifndef PODS_MADE_STEPS_H_
#define PODS_MADE_STEPS_H_

#include <set>
#include <string>
#include <vector>

#include "pods/file_digests.h"
#include "pods/plan.pb.h"
#include "pods/step_rules.h"
#include "pods/workspace.h"

namespace forensics::pods {

// Of the trial's fuse. FOLDER/stamps/<step>: what it was made from, then what it made, as sha256sum
// prints it, but for shards, which have their size; while that is so it is done. What its tool
// missed may be there at the next start, which makes it again.
class MadeRules : public StepRules {
 public:
  MadeRules(const Plan& plan, FileDigests& digests)
      : plan_(plan), workspace_(plan.folder()), digests_(digests) {}

  absl::StatusOr<StepState> StateOf(const Step& step, Thoroughness thoroughness) override;
  absl::Status Begin(const Step& step) override;
  bool IsDoneWithoutWhatIsMissing() const override { return true; }
  // NotFound if its tool left nothing where it was to.
  absl::Status End(const Step& step) override;
  // Itself, if its tool named something as missing when it was last made.
  std::vector<std::string> StillMissing(const Step& step) override;

 protected:
  // The files that decide what it makes: of results, all of finished runs.
  virtual absl::StatusOr<std::vector<std::string>> InputFiles(const Step& step) const;

  const Plan& plan_;

 private:
  absl::StatusOr<std::string> Stamp(const Step& step);

  const Workspace workspace_;
  FileDigests& digests_;
  std::set<std::string> made_now_;  // ids of the steps that were made since the start
};

// Of this machine's results and those of others that have finished runs by then.
class FuseRules : public MadeRules {
 public:
  using MadeRules::MadeRules;
  // FailedPrecondition without a single run.
  absl::Status Begin(const Step& step) override;
  std::vector<std::string> CommandOf(const Step& step) override;

 protected:
  absl::StatusOr<std::vector<std::string>> InputFiles(const Step& step) const override;
};

class CompareRules : public MadeRules {
 public:
  using MadeRules::MadeRules;
  absl::StatusOr<StepState> StateOf(const Step& step, Thoroughness thoroughness) override;
  // The machines that are waited for, too.
  std::vector<std::string> StillMissing(const Step& step) override;

 protected:
  absl::StatusOr<std::vector<std::string>> InputFiles(const Step& step) const override;
};

// Notes on disk, until the step is done again, what its tool missed although it did its work.
absl::Status NoteMissed(const Workspace& workspace, const Step& step, const std::string& missed);

}  // namespace forensics::pods

#endif  // PODS_MADE_STEPS_H_
