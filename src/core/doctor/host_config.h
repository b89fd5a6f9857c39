// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/config_line.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// The lines of a boot loader's file that hold a kernel command line: all of /etc/kernel/cmdline
/// and /etc/cmdline.d, `options` of an entry of the Boot Loader Specification, GRUB_CMDLINE_LINUX
/// and its like of /etc/default/grub.
[[nodiscard]] std::vector<ConfigLine> command_line_lines(const std::string& path,
                                                         std::string_view text);

/// A framebuffer that the firmware set up, and the function whose memory it is in.
struct Framebuffer {
  std::string driver;  ///< "efifb"
  PciAddress address;

  bool operator==(const Framebuffer&) const = default;
};

/// The firmware's framebuffers in /proc/iomem. What lies in what is told by the indentation, which
/// an ordinary user sees too.
[[nodiscard]] std::vector<Framebuffer> parse_iomem(std::string_view text);

/// A setting that has a Wayland compositor open a certain card.
struct CompositorSetting {
  std::string setting;  ///< "KWIN_DRM_DEVICES"
  PciAddress address;
  ConfigLine line;

  bool operator==(const CompositorSetting&) const = default;
};

/// Which function each file in /dev/dri is of, by its name: "card0".
using DriNodes = std::map<std::string, PciAddress>;

/// KWin's, wlroots' and Aquamarine's (Hyprland) lists of cards in a file of environment variables,
/// of a shell or of Hyprland, and Mutter's udev tag for the primary GPU.
[[nodiscard]] std::vector<CompositorSetting> parse_compositor_settings(const std::string& path,
                                                                       std::string_view text,
                                                                       const DriNodes& nodes);

}  // namespace vfio_switch
