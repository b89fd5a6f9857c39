// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "core/cards/refusal.h"
#include "core/machine/facts.h"
#include "core/message/data.h"
#include "core/message/note.h"

namespace vfio_switch {

/// What a set-up that nobody asked for is made of, beside the machine.
struct Unasked {
  std::optional<Note> doubt = {};  ///< why what boots next is not known
  bool is_off = false;             ///< the package was built without it
};

/// Everything that says how devices get to vfio-pci or to pci-stub, or that they do, and that is
/// not as vfio-switch wrote it: files, lines and kernel parameters.
[[nodiscard]] std::vector<Item> vfio_set_ups(const SystemFacts& facts);

/// Why a set-up that nobody asked for leaves the machine alone, where `enable` would not: somebody
/// has set something up, or there would be no way back at the boot menu.
[[nodiscard]] std::vector<Refusal> refuse_unasked(const SystemFacts& facts, const Unasked& unasked);

}  // namespace vfio_switch
