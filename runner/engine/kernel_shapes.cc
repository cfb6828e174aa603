#include "runner/engine/kernel_shapes.h"

#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

using schema::KernelUse;

const KernelUse* Find(const KernelUses& uses, const KernelUse& wanted) {
  for (const KernelUse& use : uses) {
    if (use.phase() == wanted.phase() && use.kernel() == wanted.kernel() &&
        use.operands() == wanted.operands()) {
      return &use;
    }
  }
  return nullptr;
}

bool SameRows(const KernelUse& a, const KernelUse& b) {
  return a.min_rows() == b.min_rows() && a.max_rows() == b.max_rows();
}

std::string Rows(const KernelUse* use) {
  if (use == nullptr) return "none";
  if (use->min_rows() != use->max_rows()) {
    return absl::StrCat(use->min_rows(), " to ", use->max_rows(), " rows");
  }
  return absl::StrCat(use->min_rows(), use->min_rows() == 1 ? " row" : " rows");
}

std::string Line(const KernelUse& use, const KernelUse* reference, const KernelUse* here) {
  return absl::StrCat(use.phase(), " ", use.kernel(), " (", use.operands(), "): ", Rows(reference),
                      ", here ", Rows(here));
}

}  // namespace

std::vector<std::string> OtherShapes(const KernelUses& reference, const KernelUses& here) {
  std::vector<std::string> lines;
  for (const KernelUse& use : reference) {
    const KernelUse* found = Find(here, use);
    if (found == nullptr || !SameRows(use, *found)) lines.push_back(Line(use, &use, found));
  }
  for (const KernelUse& use : here) {
    if (Find(reference, use) == nullptr) lines.push_back(Line(use, nullptr, &use));
  }
  return lines;
}

}  // namespace forensics::runner
