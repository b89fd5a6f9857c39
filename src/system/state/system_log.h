// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace vfio_switch {

/// Fields of an entry of the system's journal: systemd.journal-fields(7).
using LogFields = std::vector<std::pair<std::string, std::string>>;

/// Sends an entry to the systemd journal by libsystemd, which is loaded for it. False where there
/// is no journal, or no libsystemd.
[[nodiscard]] bool send_to_journal(const LogFields& fields);

/// Writes `text` to every console of the running system that can be opened: the kernel's own, and
/// the terminal that is shown.
void tell_consoles(const std::string& text);

}  // namespace vfio_switch
