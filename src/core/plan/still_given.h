// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/binding/driver_config.h"
#include "core/machine/facts.h"
#include "core/message/note.h"

namespace vfio_switch {

/// What gives one of `functions` to vfio-pci under `config`, and is not vfio-switch's own: a word
/// of the kernel command line of the next boot, a line of the initramfs tool's lists, an `options`
/// line of modprobe.d. People who want their card back have to change these themselves, each by the
/// remedy of its note. `ours` are the kernel parameters that vfio-switch added.
[[nodiscard]] std::vector<Note> still_given(const SystemFacts& facts,
                                            const std::vector<PciAddress>& functions,
                                            const DriverConfig& config,
                                            const std::vector<std::string>& ours);

}  // namespace vfio_switch
