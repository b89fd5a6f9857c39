// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_sources.h"

namespace vfio_switch {

/// A stanza of refind.conf. Paths have backslashes.
struct RefindStanza {
  std::string title;
  EntrySource source;
  std::optional<std::string> volume = std::nullopt;
  std::string loader = {};
  std::optional<std::string> options = std::nullopt;
  std::string initrd = {};
  bool is_disabled = false;
  bool is_firmware = false;  ///< it starts a boot option of the firmware
  std::vector<RefindStanza> submenus = {};
};

/// refind.conf with what it includes.
struct RefindConf {
  int timeout = 20;
  std::string selection = "+";
  std::string scan_for = "ieom";  ///< the first letters, in lower case
  std::vector<std::string> hidden_directories = {"EFI\\tools"};
  std::vector<std::string> version_strings;
  bool scans_kernels = true;
  bool folds_kernels = true;
  bool uses_nvram = true;
  bool has_editor = true;
  std::vector<RefindStanza> stanzas;
  /// Why the menu may have other entries than those that are found here.
  std::optional<BootUnknown> why_other_entries;
  /// Why something else than `selection` may boot.
  std::optional<BootUnknown> why_other_default;
  std::vector<BootUnknown> notes;
};

/// Reads a file by its path as seen inside the root.
using ReadRefindFile = std::function<SourceText(const std::string& path)>;

[[nodiscard]] RefindConf read_refind_conf(const std::string& path, std::string_view text,
                                          const ReadRefindFile& read);

}  // namespace vfio_switch
