// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/plan/id_parameter.h"

#include <algorithm>
#include <utility>

#include "core/binding/binding.h"
#include "core/binding/command_line_ids.h"
#include "core/modules/driver_order.h"

namespace vfio_switch {

std::optional<std::string> id_parameter(const SystemFacts& facts,
                                        const std::vector<PciAddress>& functions,
                                        const std::vector<Claim>& claims) {
  const bool built_in = std::ranges::any_of(
      facts.kernels, [](const Kernel& kernel) { return kernel.vfio_pci == ModuleForm::built_in; });
  if (!built_in || functions.empty() || choose_binding(facts, functions, claims) != Binding::ids) {
    return std::nullopt;
  }
  return "vfio-pci.ids=" + with_ids_of(facts, {}, functions).str();
}

Refusal refuse_second_ids(const SystemFacts& facts, const std::vector<PciAddress>& functions,
                          const std::string& parameter, const std::string& former,
                          const Reason& why) {
  const Reason obstacle(ReasonCause::ids_there_already, {{"former", Parameter{former}}});
  return {RefusalCause::parameter_by_hand,
          {{"parameters", std::vector<Item>{Parameter{parameter}}},
           {"reason", why},
           {"obstacle", obstacle}},
          complete_word(facts, functions, former)};
}

std::vector<Note> explain_built_in(const SystemFacts& facts, const std::vector<Claim>& claims) {
  std::vector<Note> notes;
  for (const auto& claim : claims) {
    const auto kernel = std::ranges::find(facts.kernels, claim.kernel, &Kernel::release);
    if (kernel == facts.kernels.end() || kernel->vfio_pci != ModuleForm::built_in) continue;
    if (claim.built_in.empty() || first_before_vfio(claim.built_in)) continue;
    Note note{NoteCause::vfio_registers_first,
              {{"kernel", Word{claim.kernel}}, {"reason", later_driver(claim)}}};
    if (std::ranges::find(notes, note) == notes.end()) notes.push_back(std::move(note));
  }
  return notes;
}

}  // namespace vfio_switch
