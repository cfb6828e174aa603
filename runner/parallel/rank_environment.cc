#include "runner/parallel/rank_environment.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

constexpr int kMostRanks = 4096;
constexpr int kMostPort = 65535;
// Where Slurm's ranks meet unless MASTER_PORT says so: jobs that share a node rarely collide.
constexpr int kFirstPort = 20000;
constexpr int kPorts = 20000;

// Reads numbers from variables and keeps the first complaint.
class Variables {
 public:
  explicit Variables(const GetEnvironment& get) : get_(get) {}

  bool Has(const char* name) const { return get_(name) != nullptr; }

  std::string Text(const char* name) {
    const char* value = get_(name);
    if (value == nullptr) Complain(absl::StrCat("environment variable ", name, " is not set"));
    return value == nullptr ? "" : value;
  }

  // `ends_at`: what may follow the number, as in Slurm's "4(x2)".
  int Number(const char* name, int least, int most, char ends_at = '\0') {
    const std::string text = Text(name);
    const absl::string_view digits =
        ends_at == '\0' ? absl::string_view(text)
                        : absl::string_view(text).substr(0, text.find_first_of({ends_at, ','}));
    int value = least;
    if (!absl::SimpleAtoi(digits, &value) || value < least || value > most) {
      Complain(absl::StrCat("environment variable ", name, ": expected ", least, " to ", most,
                            ", found '", text, "'"));
    }
    return value;
  }

  const absl::Status& status() const { return status_; }

 private:
  void Complain(const std::string& what) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(what);
  }

  const GetEnvironment& get_;
  absl::Status status_;
};

RankEnvironment FromTorchrun(Variables& variables) {
  RankEnvironment ranks;
  ranks.world_size = variables.Number("WORLD_SIZE", 1, kMostRanks);
  ranks.rank = variables.Number("RANK", 0, ranks.world_size - 1);
  ranks.local_rank = variables.Number("LOCAL_RANK", 0, ranks.world_size - 1);
  ranks.local_world_size = variables.Number("LOCAL_WORLD_SIZE", 1, ranks.world_size);
  ranks.master_address = variables.Text("MASTER_ADDR");
  ranks.master_port = variables.Number("MASTER_PORT", 1, kMostPort);
  ranks.store_is_served = variables.Has("TORCHELASTIC_USE_AGENT_STORE") &&
                          variables.Text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  return ranks;
}

// Steps of one job may run side by side.
int StepNumber(Variables& variables) {
  return variables.Has("SLURM_STEP_ID") ? variables.Number("SLURM_STEP_ID", 0, kPorts) : 0;
}

RankEnvironment FromSlurm(Variables& variables) {
  RankEnvironment ranks;
  ranks.world_size = variables.Number("SLURM_STEP_NUM_TASKS", 1, kMostRanks);
  ranks.rank = variables.Number("SLURM_PROCID", 0, ranks.world_size - 1);
  ranks.local_rank = variables.Number("SLURM_LOCALID", 0, ranks.world_size - 1);
  ranks.local_world_size =
      variables.Number("SLURM_STEP_TASKS_PER_NODE", 1, ranks.world_size, /*ends_at=*/'(');
  ranks.master_address = variables.Has("MASTER_ADDR")
                             ? variables.Text("MASTER_ADDR")
                             : FirstHost(variables.Text("SLURM_STEP_NODELIST"));
  ranks.master_port = variables.Has("MASTER_PORT")
                          ? variables.Number("MASTER_PORT", 1, kMostPort)
                          : kFirstPort + (variables.Number("SLURM_JOB_ID", 0, 0x7fffffff) % kPorts +
                                          StepNumber(variables)) %
                                             kPorts;
  return ranks;
}

}  // namespace

std::string FirstHost(absl::string_view node_list) {
  std::string host;
  while (!node_list.empty() && node_list[0] != ',') {
    const size_t end = std::min(node_list.find_first_of("[,"), node_list.size());
    absl::StrAppend(&host, node_list.substr(0, end));
    node_list.remove_prefix(end);
    if (node_list.empty() || node_list[0] == ',') break;
    node_list.remove_prefix(1);  // of the numbers in brackets, the first
    absl::StrAppend(&host, node_list.substr(0, node_list.find_first_of("-,]")));
    node_list.remove_prefix(std::min(node_list.find(']'), node_list.size() - 1) + 1);
  }
  return host;
}

absl::StatusOr<std::optional<RankEnvironment>> ReadRankEnvironment(const GetEnvironment& get) {
  Variables variables(get);
  std::optional<RankEnvironment> ranks;
  if (variables.Has("RANK") || variables.Has("WORLD_SIZE")) {
    ranks = FromTorchrun(variables);
  } else if (variables.Has("SLURM_PROCID") && variables.Has("SLURM_STEP_NUM_TASKS")) {
    ranks = FromSlurm(variables);
    if (ranks->world_size == 1) ranks.reset();
  }
  if (!variables.status().ok()) return variables.status();
  return ranks;
}

}  // namespace forensics::runner
