#include "analyzer/attribution/contradictions.h"

#include <set>
#include <utility>

#include "absl/strings/str_format.h"

namespace forensics::analyzer {

std::vector<std::string> Contradictions(const Library& library) {
  const std::vector<KnownConfiguration>& known = library.known();
  const std::vector<Labels> labels = library.labels();
  std::set<std::pair<std::string, std::string>> said;
  std::vector<std::string> texts;
  for (size_t i = 0; i < known.size(); ++i) {
    const std::string& hardware = known[i].configuration.hardware;
    for (size_t j = 0; j < i; ++j) {
      const RunDistance& distance = library.distances()[i][j];
      if (labels[i].value != labels[j].value || hardware != known[j].configuration.hardware ||
          !distance.comparable() || distance.identical() ||
          !said.emplace(labels[i].value, hardware).second) {
        continue;
      }
      const Place& one = known[j].places.front();
      const Place& other = known[i].places.front();
      texts.push_back(absl::StrFormat(
          "%s in %s and %s in %s are both %s on %s, with other bits or tokens: something that the "
          "library does not tell apart differs",
          one.config_id, one.file, other.config_id, other.file, labels[i].value, hardware));
    }
  }
  return texts;
}

}  // namespace forensics::analyzer
