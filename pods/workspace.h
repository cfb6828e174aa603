// Every name below a plan's folder.
//
//   FOLDER/.forensics_folder                               only plans write here; also in trial,
//                                                          experiments and report (folder_claim.h)
//   FOLDER/models/<repository, '/' as "--">/SHA256SUMS    written last, by fetch_model
//   FOLDER/trial/results, FOLDER/trial/experiments         of the trial before experiment 0
//   FOLDER/results, FOLDER/experiments, FOLDER/report      as the three tools write them
//   FOLDER/stamps/{trial-fuse,fuse,compare}                what they were made from (made_steps.h)
//   FOLDER/stamps/{trial,exp0,...}                         what they are of (step_work.h)
//   FOLDER/stamps/files                                    digests (file_digests.h)
//   FOLDER/damaged/<as in results>                         runs that were made again
//   FOLDER/stamps/<step>.missed                            what a tool named as missing
//   FOLDER/logs/<step>.log                                 what the step's process printed
//   FOLDER/logs/forensics.log                              what the orchestrator said, with times
//   FOLDER/journal                                         times and attempts (journal.h)
#ifndef PODS_WORKSPACE_H_
#define PODS_WORKSPACE_H_

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "schema/run_directory.h"

namespace forensics::pods {

inline constexpr char kFolderMarker[] = ".forensics_folder";

// Whether anything stands at `path`; what the system does not tell, does not.
inline bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

class Workspace {
 public:
  explicit Workspace(std::string folder) : folder_(std::move(folder)) {}

  const std::string& folder() const { return folder_; }
  std::string Models() const { return folder_ + "/models"; }
  std::string Model(absl::string_view repository) const {
    return absl::StrCat(Models(), "/", absl::StrReplaceAll(repository, {{"/", "--"}}));
  }
  std::string Trial() const { return folder_ + "/trial"; }
  std::string TrialResults() const { return Under(Trial(), schema::kResultsFolder); }
  std::string TrialExperiments() const { return Under(Trial(), schema::kExperimentsFolder); }
  std::string Results() const { return Under(folder_, schema::kResultsFolder); }
  std::string Damaged() const { return folder_ + "/damaged"; }
  std::string Experiments() const { return Under(folder_, schema::kExperimentsFolder); }
  std::string Report() const { return Under(folder_, schema::kReportFolder); }
  std::string Stamps() const { return folder_ + "/stamps"; }
  std::string Stamp(absl::string_view step) const { return absl::StrCat(Stamps(), "/", step); }
  std::string Missed(absl::string_view step) const { return Stamp(step) + ".missed"; }
  std::string Log(absl::string_view step) const {
    return absl::StrCat(folder_, "/logs/", step, ".log");
  }
  std::string Journal() const { return folder_ + "/journal"; }

 private:
  static std::string Under(const std::string& folder, absl::string_view name) {
    return absl::StrCat(folder, "/", name);
  }

  std::string folder_;
};

}  // namespace forensics::pods

#endif  // PODS_WORKSPACE_H_
