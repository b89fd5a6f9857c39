// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/parameter_refusals.h"

#include "core/boot/parameter_edit.h"
#include "core/boot/parameter_remedy.h"

namespace vfio_switch {

void explain_parameters(std::vector<Refusal>& refusals, const SystemFacts& facts) {
  const auto& loader = facts.boot_loader;
  for (auto& refusal : refusals) {
    const bool adds = refusal.cause == RefusalCause::iommu_needs_parameter ||
                      refusal.cause == RefusalCause::iommu_needs_other;
    const bool drops = refusal.cause == RefusalCause::iommu_switched_off ||
                       refusal.cause == RefusalCause::command_line_ids;
    if (!adds && !drops) continue;
    const auto word = std::get<Parameter>(refusal.data.front().items.front()).text;
    refusal.remedy =
        adds ? parameter_remedy(loader, {word}, {}) : parameter_remedy(loader, {}, {word});
    refusal.remedy.emplace_back(Manual{ByHand::reboot});
    if (refusal.cause != RefusalCause::iommu_switched_off) continue;
    if (const auto place = where_set(loader, word)) {
      refusal.cause = RefusalCause::iommu_switched_off_at;
      refusal.data.emplace_back("place", *place);
    }
  }
}

}  // namespace vfio_switch
