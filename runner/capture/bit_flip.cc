#include "runner/capture/bit_flip.h"

#include <tuple>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace forensics::runner {

absl::StatusOr<BitFlip> ParseBitFlip(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  BitFlip flip;
  if (parts.size() != 4 || !absl::SimpleAtoi(parts[0], &flip.repetition) ||
      !absl::SimpleAtoi(parts[1], &flip.step) || !absl::SimpleAtoi(parts[2], &flip.layer) ||
      !absl::SimpleAtoi(parts[3], &flip.element) || flip.element < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not REPETITION:STEP:LAYER:ELEMENT"));
  }
  return flip;
}

absl::Status CheckBitFlip(const BitFlip& flip, int repetitions, int steps, int layers,
                          int64_t hidden_size) {
  const std::tuple<const char*, int64_t, int64_t> parts[] = {
      {"repetition", flip.repetition, repetitions},
      {"step", flip.step, steps},
      {"layer", flip.layer, layers},
      {"element", flip.element, hidden_size}};
  for (const auto& [name, value, count] : parts) {
    if (value >= 0 && value < count) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("a bit flip in ", name, " ", value, ": expected 0 to ", count - 1));
  }
  return absl::OkStatus();
}

bool BitFlipper::WantsLayer(int layer) const { return next_->WantsLayer(layer) || IsHere(layer); }

void BitFlipper::OnHiddenStates(int layer, const at::Tensor& hidden_states) {
  if (IsHere(layer) && flip_.element < hidden_states.size(2)) {
    const at::Tensor row = hidden_states.select(0, 0).select(0, hidden_states.size(1) - 1);
    const bool is_float = row.scalar_type() == at::kFloat;
    row.view(is_float ? at::kInt : at::kShort).narrow(0, flip_.element, 1).bitwise_xor_(1);
  }
  if (next_->WantsLayer(layer)) next_->OnHiddenStates(layer, hidden_states);
}

void BitFlipper::OnKeys(int layer, const at::Tensor& keys) {
  if (next_->WantsLayer(layer)) next_->OnKeys(layer, keys);
}

}  // namespace forensics::runner
