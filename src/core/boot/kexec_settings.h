// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/boot/boot_sources.h"

namespace vfio_switch {

/// Debian's kexec-tools: with LOAD_KEXEC=true a script of theirs loads a kernel whenever the system
/// reboots, and another one starts it. Both source this file, and then what is below the directory.
inline constexpr std::string_view kexec_settings_path = "/etc/default/kexec";
inline constexpr std::string_view kexec_drop_ins = "/etc/default/kexec.d";

/// True for the names that run-parts(8) lists, which is asked for the drop-ins.
[[nodiscard]] bool is_kexec_drop_in(std::string_view name);

/// Why a reboot may not come to the boot menu, by the last LOAD_KEXEC of `settings`, which are in
/// the order in which they are sourced. Nothing where it comes there.
[[nodiscard]] std::optional<BootUnknown> find_load_kexec(const std::vector<SourceText>& settings);

}  // namespace vfio_switch
