// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/binding/binding.h"
#include "core/machine/facts.h"
#include "core/message/remedy.h"
#include "core/modules/modprobe_conf.h"
#include "core/modules/vfio_ids.h"

namespace vfio_switch {

/// Ids that are given to vfio-pci are a set, which may hold other devices' ids too. What the
/// program adds to it, or tells people to change, takes none of them away without saying so.

/// The word of the usual boot's kernel command line that decides which ids vfio-pci gets, as it
/// stands there: the last one, since each overwrites the module's string. Nothing where there is
/// none.
[[nodiscard]] std::optional<std::string> next_ids_word(const SystemFacts& facts);

/// The devices beside `functions` that `ids` give to vfio-pci. It binds no bridge.
[[nodiscard]] std::vector<PciAddress> others_given(const SystemFacts& facts,
                                                   const std::vector<PciAddress>& functions,
                                                   const VfioIds& ids);

/// `ids`, and those of `functions` that they lack.
[[nodiscard]] VfioIds with_ids_of(const SystemFacts& facts, VfioIds ids,
                                  const std::vector<PciAddress>& functions);

/// `ids` without the entries that are about `functions`.
[[nodiscard]] VfioIds without_ids_of(const SystemFacts& facts, const VfioIds& ids,
                                     const std::vector<PciAddress>& functions);

/// `word` with other ids, its parameter spelled as it was.
[[nodiscard]] std::string with_ids(const std::string& word, const VfioIds& ids);

/// `line`, of options, with other ids.
[[nodiscard]] std::string with_ids(const ModprobeDirective& line, const VfioIds& ids);

/// Says which devices lose vfio-pci with a step before it; nothing where none does.
[[nodiscard]] Remedy mind_losses(const std::vector<PciAddress>& devices);

/// What a person does so that `word`, a parameter of the next boots, gives the ids of `functions`
/// as well.
[[nodiscard]] Remedy complete_word(const SystemFacts& facts,
                                   const std::vector<PciAddress>& functions,
                                   const std::string& word);

/// What a person does about `word` where it keeps vfio-pci from getting `functions` by `binding`.
[[nodiscard]] Remedy resolve_word(const SystemFacts& facts,
                                  const std::vector<PciAddress>& functions, Binding binding,
                                  const std::string& word);

/// The same about `line`, an `options vfio-pci` line with ids that is not vfio-switch's own.
[[nodiscard]] Remedy resolve_line(const SystemFacts& facts,
                                  const std::vector<PciAddress>& functions, Binding binding,
                                  const ModprobeDirective& line);

/// What a person does so that `word`, a parameter of the next boots, no longer gives `functions` to
/// vfio-pci, but what else it gives.
[[nodiscard]] Remedy release_by_word(const SystemFacts& facts,
                                     const std::vector<PciAddress>& functions,
                                     const std::string& word);

/// The same about `line`.
[[nodiscard]] Remedy release_by_line(const SystemFacts& facts,
                                     const std::vector<PciAddress>& functions,
                                     const ModprobeDirective& line);

}  // namespace vfio_switch
