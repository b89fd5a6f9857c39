// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/boot/boot_loader.h"
#include "core/message/remedy.h"

namespace vfio_switch {

/// A line of GRUB's settings whose parameters stand outside the quotes:
/// `GRUB_CMDLINE_LINUX_DEFAULT="quiet" iommu=pt vfio-pci.ids=10de:2d04`. To the shell, which
/// grub-mkconfig is, what follows the value is a command, so that no kernel gets it, and
/// grub-mkconfig fails where the command is not found.
struct StrayWords {
  int line = 0;  ///< from 1
  std::string text;
  std::string repaired;  ///< with everything inside the quotes; empty: the line says nothing else

  bool operator==(const StrayWords&) const = default;
};

/// The first such line of a settings file; nothing where there is none.
[[nodiscard]] std::optional<StrayWords> find_stray_words(std::string_view settings);

/// The same, as an obstacle to every change of `grub`'s settings.
[[nodiscard]] std::optional<Obstacle> stray_words_of(const Grub& grub);

}  // namespace vfio_switch
