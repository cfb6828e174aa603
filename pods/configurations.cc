#include "pods/configurations.h"

#include "absl/strings/str_replace.h"

namespace forensics::pods {

const std::vector<std::string>& ConfigurationsOf(int id) {
  static const auto* const configurations = new std::vector<std::vector<std::string>>{
      {"reference"},
      {"bs2", "bs4"},
      {"compiled"},
      {"gptq", "bnb"},
      {"eager"},
      {"concurrent"},
      {"cu118", "cu121", "cu126", "cu128"},
      {"tp2", "tp4"},
      {"ep2", "ep4"},
  };
  return configurations->at(static_cast<size_t>(id));
}

std::string CudaSuffix(const std::string& version) {
  return "cu" + absl::StrReplaceAll(version, {{".", ""}});
}

}  // namespace forensics::pods
