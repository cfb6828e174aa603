#include "analyzer/comparison/contexts.h"

#include <set>
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
  std::set<int64_t> steps;
  for (const auto& [number, step] : a.steps) steps.insert(number);
  for (const auto& [number, step] : b.steps) steps.insert(number);
  bool same = contexts.same_prompt;
  bool parted = !same;  // for certain: what is missing behind it does not matter
  const auto unknown_after = [&](int64_t number) {
    if (!same || same_reference) return;
    contexts.first_unknown_token = number;
    same = false;
  };
  int64_t next = 0;  // the step after the last one seen
  for (const int64_t number : steps) {
    if (number != next) unknown_after(next);
    next = number + 1;
    const auto in_a = a.steps.find(number);
    const auto in_b = b.steps.find(number);
    if (in_a == a.steps.end() || in_b == b.steps.end()) {
      if (!parted) {
        (in_a == a.steps.end() ? contexts.missing_in_a : contexts.missing_in_b).push_back(number);
      }
      unknown_after(number);
      continue;
    }
    if (!same) {
      ++contexts.steps_left_out;
      continue;
    }
    contexts.comparable_steps.push_back(number);
    if (!contexts.first_token_difference.has_value() &&
        Differ(in_a->second.token_id, in_b->second.token_id)) {
      contexts.first_token_difference = number;
    }
    const std::optional<int64_t> fed_a = FedToken(in_a->second);
    const std::optional<int64_t> fed_b = FedToken(in_b->second);
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
