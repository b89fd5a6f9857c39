// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/machine/facts.h"

namespace vfio_switch {

/// True for the entries that are this system's own, and are proved: the others are a snapshot's or
/// another system's.
[[nodiscard]] bool is_ours(const BootEntry& entry);

/// The usual entries of the menu that start the kernel `release`; what the next boot starts comes
/// first.
[[nodiscard]] std::vector<const BootEntry*> usual_entries(const BootMenu& menu,
                                                          std::string_view release);

/// The files that `entry` has unpacked, in order and without what holds nothing but microcode.
/// Empty where it has none, or one of them is not known: see lacks_files().
[[nodiscard]] std::vector<std::string> files_of(const BootEntry& entry);

/// Why the files of `entry` are not known; nothing where they are.
[[nodiscard]] std::optional<BootUnknown> why_no_files(const BootEntry& entry);

/// The file that boots with `kernel` and is a copy of what is built for it; nothing where what is
/// built boots itself, or nothing is known.
[[nodiscard]] std::optional<std::string> copy_of(const Kernel& kernel);

/// True if the menu tells of every usual entry which kernel it starts, and there is one.
[[nodiscard]] bool tells_kernels(const BootMenu& menu);

/// The kernels in the order in which their images are built: that of the entry that starts next
/// comes last, so that whatever happens before leaves it as it was.
[[nodiscard]] std::vector<const Kernel*> in_build_order(const SystemFacts& facts);

/// Parts the kernels that no entry starts from those that boot, where the menu tells.
void set_idle_kernels_apart(SystemFacts& facts);

/// Takes an idle kernel back among those that boot: one whose entry is about to be written.
void expect_kernel(SystemFacts& facts, std::string_view release);

}  // namespace vfio_switch
