// describe_dims CHECKPOINT_DIRECTORY_OR_CONFIG TP_SIZE: what build_packages.py compiles for, on one
// line.
#include <filesystem>
#include <iostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "runner/checkpoint/model_config.h"
#include "runner/compile/package_key.h"
#include "runner/parallel/sharding.h"
#include "schema/atomic_file.h"
#include "schema/command_line.h"

namespace forensics::runner {
namespace {

absl::StatusOr<std::string> Describe(const std::string& model, int tp_size) {
  const std::string path = std::filesystem::is_directory(model) ? model + "/config.json" : model;
  const absl::StatusOr<std::string> text = schema::ReadFile(path);
  if (!text.ok()) return text.status();
  const absl::StatusOr<ModelConfig> config = ParseModelConfig(*text, path);
  if (!config.ok()) return config.status();
  Sharding sharding;
  sharding.tp_size = tp_size;
  if (absl::Status status = CheckSharding(*config, sharding); !status.ok()) return status;
  return PackageKey::Of(*config, sharding, "").Dims();
}

}  // namespace
}  // namespace forensics::runner

int main(int argc, char** argv) {
  using namespace forensics;
  int tp_size = 0;
  if (argc != 3 || !absl::SimpleAtoi(argv[2], &tp_size) || tp_size < 1) {
    return schema::ReportAndExitCode(
        "describe_dims", schema::UsageError("expected a checkpoint directory and a tp_size"));
  }
  const absl::StatusOr<std::string> dims = runner::Describe(argv[1], tp_size);
  if (!dims.ok()) return schema::ReportAndExitCode("describe_dims", dims.status());
  std::cout << *dims << "\n";
  return schema::kExitDone;
}
