#include "analyzer/comparison/contexts.h"

#include <algorithm>
#include <map>
#include <string>

namespace forensics::analyzer {
namespace {

bool Differ(const std::optional<int64_t>& a, const std::optional<int64_t>& b) {
  return a.has_value() && b.has_value() && *a != *b;
}

std::optional<int64_t> FedToken(const Step& step) {
  return step.fed_token_id.has_value() ? step.fed_token_id : step.token_id;
}

bool SamePrompt(const RunRecord& a, const RunRecord& b) {
  return !a.prompt_text.has_value() || !b.prompt_text.has_value() ||
         *a.prompt_text == *b.prompt_text;
}

using Steps = std::map<int64_t, Step>;

// The step at `place`, which then moves on, if it has that number; else null.
const Step* TakeStep(const Steps& steps, int64_t number, Steps::const_iterator& place) {
  if (place == steps.end() || place->first != number) return nullptr;
  return &(place++)->second;
}

}  // namespace

bool FedBySameReference(const Configuration& configuration_a, const RunRecord& a,
                        const Configuration& configuration_b, const RunRecord& b) {
  if (!configuration_a.forced && !configuration_b.forced) return false;
  const std::string& fed_a =
      configuration_a.forced ? configuration_a.reference_signals_sha256 : a.signals_sha256;
  const std::string& fed_b =
      configuration_b.forced ? configuration_b.reference_signals_sha256 : b.signals_sha256;
  if (fed_a.empty() || fed_b.empty()) return configuration_a.forced && configuration_b.forced;
  return fed_a == fed_b;
}

Contexts CompareContexts(const RunRecord& a, const RunRecord& b, bool same_reference) {
  Contexts contexts;
  contexts.same_prompt = SamePrompt(a, b);
  bool same = contexts.same_prompt;
  bool parted = !same;  // for certain: what is missing behind it does not matter
  const auto unknown_after = [&](int64_t number) {
    if (!same || same_reference) return;
    contexts.first_unknown_token = number;
    same = false;
  };
  contexts.comparable_steps.reserve(std::min(a.steps.size(), b.steps.size()));
  int64_t next = 0;  // the step after the last one seen
  auto place_a = a.steps.begin(), place_b = b.steps.begin();
  while (place_a != a.steps.end() || place_b != b.steps.end()) {
    const int64_t number = place_a == a.steps.end()   ? place_b->first
                           : place_b == b.steps.end() ? place_a->first
                                                      : std::min(place_a->first, place_b->first);
    if (number != next) unknown_after(next);
    next = number + 1;
    const Step* const in_a = TakeStep(a.steps, number, place_a);
    const Step* const in_b = TakeStep(b.steps, number, place_b);
    if (in_a == nullptr || in_b == nullptr) {
      if (!parted) {
        (in_a == nullptr ? contexts.missing_in_a : contexts.missing_in_b).push_back(number);
      }
      unknown_after(number);
      continue;
    }
    if (!same) {
      ++contexts.steps_left_out;
      continue;
    }
    contexts.comparable_steps.push_back(number);
    if (!contexts.first_token_difference.has_value() && Differ(in_a->token_id, in_b->token_id)) {
      contexts.first_token_difference = number;
    }
    const std::optional<int64_t> fed_a = FedToken(*in_a);
    const std::optional<int64_t> fed_b = FedToken(*in_b);
    if (Differ(fed_a, fed_b)) {
      contexts.first_fed_difference = number;
      same = false;
      parted = true;
    } else if (!fed_a.has_value() || !fed_b.has_value()) {
      unknown_after(number);
    }
  }
  return contexts;
}

}  // namespace forensics::analyzer
