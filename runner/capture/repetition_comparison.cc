#include "runner/capture/repetition_comparison.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace forensics::runner {
namespace {

using schema::BytesPerElement;
using schema::Difference;
using schema::LogProbs;
using schema::PositionRecord;
using schema::Repetition;
using schema::Values;

// The element's bits; its dtype has `width` bytes.
uint32_t BitsAt(const Values& values, size_t width, size_t element) {
  uint32_t bits = 0;
  std::memcpy(&bits, values.data().data() + element * width, width);
  return bits;
}

bool IsNan(uint32_t bits, schema::DType dtype) {
  switch (dtype) {
    case schema::FLOAT32:
      return (bits & 0x7fffffffu) > 0x7f800000u;
    case schema::BFLOAT16:
      return (bits & 0x7fffu) > 0x7f80u;
    default:
      return (bits & 0x7fffu) > 0x7c00u;
  }
}

// Numbers the finite values and infinities in their order, -0 and +0 side by side.
int64_t Ordinal(uint32_t bits, size_t width) {
  const uint32_t sign = 1u << (8 * width - 1);
  return (bits & sign) != 0 ? -1 - static_cast<int64_t>(bits & ~sign) : static_cast<int64_t>(bits);
}

std::string UlpDistance(uint32_t a, uint32_t b, schema::DType dtype) {
  if (IsNan(a, dtype) || IsNan(b, dtype)) return "NaN";
  const size_t width = BytesPerElement(dtype);
  const int64_t distance = Ordinal(a, width) - Ordinal(b, width);
  return absl::StrCat(distance < 0 ? -distance : distance);
}

std::string ValueText(const Values& values, size_t element) {
  const absl::StatusOr<std::vector<float>> floats = schema::ToFloats(values);
  return floats.ok() ? absl::StrFormat("%.9g", (*floats)[element]) : "?";
}

std::string Name(absl::string_view signal, int layer) {
  return layer < 0 ? std::string(signal) : absl::StrCat(signal, "/layer_", layer);
}

// Collects the first difference and the spread while the comparison walks through both repetitions.
class Comparison {
 public:
  void AtStep(int step, int64_t position) {
    step_ = step;
    position_ = position;
  }

  void Compare(absl::string_view signal, int layer, const Values& a, const Values& b) {
    const size_t width = BytesPerElement(a.dtype());
    if (a.dtype() != b.dtype() || a.data().size() != b.data().size() || width == 0) {
      Structure(Name(signal, layer));
      return;
    }
    const int64_t count = static_cast<int64_t>(a.data().size() / width);
    Spread& spread = spread_[Name(signal, layer)];
    spread.compared += count;
    compared_ += count;
    if (a.data() == b.data()) return;
    for (int64_t i = 0; i < count; ++i) {
      const uint32_t bits_a = BitsAt(a, width, i), bits_b = BitsAt(b, width, i);
      if (bits_a == bits_b) continue;
      if (Difference* first = Found(signal, layer, i)) {
        first->set_hex_a(absl::StrFormat("%0*x", static_cast<int>(2 * width), bits_a));
        first->set_hex_b(absl::StrFormat("%0*x", static_cast<int>(2 * width), bits_b));
        first->set_value_a(ValueText(a, i));
        first->set_value_b(ValueText(b, i));
        first->set_ulps(UlpDistance(bits_a, bits_b, a.dtype()));
      }
      ++spread.differing;
    }
  }

  void CompareIds(absl::string_view signal, const LogProbs& a, const LogProbs& b) {
    if (a.token_ids_size() != b.token_ids_size()) {
      Structure(signal);
      return;
    }
    for (int i = 0; i < a.token_ids_size(); ++i) {
      CompareId(absl::StrCat(signal, "_token_ids"), i, a.token_ids(i), b.token_ids(i));
    }
  }

  void CompareId(absl::string_view signal, int64_t element, int64_t a, int64_t b) {
    Spread& spread = spread_[std::string(signal)];
    ++spread.compared;
    ++compared_;
    if (a == b) return;
    if (Difference* first = Found(signal, -1, element)) {
      first->set_hex_a(absl::StrFormat("%x", a));
      first->set_hex_b(absl::StrFormat("%x", b));
      first->set_value_a(absl::StrCat(a));
      first->set_value_b(absl::StrCat(b));
    }
    ++spread.differing;
  }

  // The two captured different things: nothing element by element can be said.
  void Structure(absl::string_view what) {
    if (Difference* first = Found("structure", -1, 0)) {
      first->set_value_a(std::string(what));
      first->set_value_b(std::string(what));
    }
    ++spread_["structure"].differing;
  }

  std::optional<Difference> Finish() && {
    if (!found_) return std::nullopt;
    first_.set_compared_elements(compared_);
    int64_t differing = 0;
    for (const auto& [name, spread] : spread_) {
      if (spread.differing == 0) continue;
      differing += spread.differing;
      first_.add_spread(
          absl::StrCat(name, ": ", spread.differing, " of ", spread.compared, " elements"));
    }
    first_.set_differing_elements(differing);
    return std::move(first_);
  }

 private:
  struct Spread {
    int64_t differing = 0;
    int64_t compared = 0;
  };

  // The record of the first difference, to be filled in, if this is it.
  Difference* Found(absl::string_view signal, int layer, int64_t element) {
    if (found_) return nullptr;
    found_ = true;
    first_.set_step(step_);
    first_.set_position(position_);
    first_.set_layer(layer);
    first_.set_signal(std::string(signal));
    first_.set_element(element);
    return &first_;
  }

  int step_ = 0;
  int64_t position_ = 0;
  bool found_ = false;
  int64_t compared_ = 0;
  Difference first_;
  std::map<std::string, Spread> spread_;
};

void ComparePositions(const PositionRecord& a, const PositionRecord& b, Comparison& comparison) {
  comparison.AtStep(a.computed_at_step(), a.position());
  if (a.position() != b.position() || a.computed_at_step() != b.computed_at_step() ||
      a.layers_size() != b.layers_size() ||
      a.has_reference_log_probs() != b.has_reference_log_probs()) {
    comparison.Structure("positions");
    return;
  }
  for (int i = 0; i < a.layers_size(); ++i) {
    const auto &of_a = a.layers(i), &of_b = b.layers(i);
    if (of_a.layer() != of_b.layer()) {
      comparison.Structure("layers");
      continue;
    }
    comparison.Compare("hidden_states", of_a.layer(), of_a.hidden_state(), of_b.hidden_state());
    comparison.Compare("key_vectors", of_a.layer(), of_a.key(), of_b.key());
  }
  comparison.CompareIds("logprobs", a.top_log_probs(), b.top_log_probs());
  comparison.Compare("logprobs", -1, a.top_log_probs().log_probs(), b.top_log_probs().log_probs());
  if (!a.has_reference_log_probs()) return;
  comparison.CompareIds("reference_log_probs", a.reference_log_probs(), b.reference_log_probs());
  comparison.Compare("reference_log_probs", -1, a.reference_log_probs().log_probs(),
                     b.reference_log_probs().log_probs());
}

}  // namespace

std::optional<Difference> CompareRepetitions(const Repetition& a, const Repetition& b) {
  Comparison comparison;
  if (a.steps.size() != b.steps.size() || a.positions.size() != b.positions.size()) {
    comparison.Structure("steps");
  }
  const size_t positions = std::min(a.positions.size(), b.positions.size());
  size_t position = 0;
  for (size_t step = 0; step < std::min(a.steps.size(), b.steps.size()); ++step) {
    while (position < positions &&
           a.positions[position].computed_at_step() <= a.steps[step].step()) {
      ComparePositions(a.positions[position], b.positions[position], comparison);
      ++position;
    }
    comparison.CompareId("token_id", 0, a.steps[step].token_id(), b.steps[step].token_id());
    comparison.CompareId("fed_token_id", 0, a.steps[step].fed_token_id(),
                         b.steps[step].fed_token_id());
  }
  std::optional<Difference> difference = std::move(comparison).Finish();
  if (difference.has_value()) {
    difference->set_repetition_a(a.header.repetition());
    difference->set_repetition_b(b.header.repetition());
  }
  return difference;
}

std::optional<Difference> FirstDifference(const std::vector<Repetition>& repetitions) {
  for (size_t a = 0; a < repetitions.size(); ++a) {
    for (size_t b = a + 1; b < repetitions.size(); ++b) {
      if (auto difference = CompareRepetitions(repetitions[a], repetitions[b])) return difference;
    }
  }
  return std::nullopt;
}

std::string DescribeDifference(const Difference& d) {
  std::string text = absl::StrFormat(
      "repetitions %d and %d are not bit-identical\n"
      "  first difference   step %d, position %d, %s, element %d\n"
      "  values             %s (0x%s) and %s (0x%s)",
      d.repetition_a(), d.repetition_b(), d.step(), d.position(), Name(d.signal(), d.layer()),
      d.element(), d.value_a(), d.hex_a(), d.value_b(), d.hex_b());
  if (!d.ulps().empty()) absl::StrAppend(&text, ", ", d.ulps(), " ULP apart");
  absl::StrAppend(&text, "\n  differing          ", d.differing_elements(), " of ",
                  d.compared_elements(), " elements\n    ", absl::StrJoin(d.spread(), "\n    "),
                  "\n");
  return text;
}

}  // namespace forensics::runner
