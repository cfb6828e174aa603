#include "analyzer/contexts.h"

#include <set>

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

Contexts CompareContexts(const RunRecord& a, const RunRecord& b) {
  Contexts contexts;
  contexts.same_prompt = SamePrompt(a, b);
  std::set<int64_t> steps;
  for (const auto& [number, step] : a.steps) steps.insert(number);
  for (const auto& [number, step] : b.steps) steps.insert(number);
  bool same = contexts.same_prompt;
  for (const int64_t number : steps) {
    const auto in_a = a.steps.find(number);
    const auto in_b = b.steps.find(number);
    if (in_a == a.steps.end() || in_b == b.steps.end()) {
      if (same && in_a == a.steps.end()) contexts.missing_in_a.push_back(number);
      if (same && in_b == b.steps.end()) contexts.missing_in_b.push_back(number);
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
    if (Differ(FedToken(in_a->second), FedToken(in_b->second))) {
      contexts.first_fed_difference = number;
      same = false;
    }
  }
  return contexts;
}

}  // namespace forensics::analyzer
