// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/systemd_boot_files.h"

namespace vfio_switch {

/// An entry with what systemd-boot orders it by.
struct SortableEntry {
  BootEntry entry;
  std::string id;  ///< in lower case, without counter and profile
  std::string sort_key;
  std::string machine_id;
  std::string version;
  bool is_unread = false;  ///< its file could not be read: neither place nor target is known
};

/// The entry of a file of loader/entries. Nothing where systemd-boot does not show it.
[[nodiscard]] std::optional<SortableEntry> read_entry_file(const SystemdBootFiles& files,
                                                           const EntryPartition& partition,
                                                           const EntryFile& file);

/// The entries of an image of EFI/Linux: one for each profile that has a name.
[[nodiscard]] std::vector<SortableEntry> read_image_entries(const SystemdBootFiles& files,
                                                            const EntryPartition& partition,
                                                            const UnifiedFile& file);

/// In the order of the menu (boot.c, boot_entry_compare).
[[nodiscard]] bool shows_before(const SortableEntry& left, const SortableEntry& right);

/// Name and counter of "arch+3-1.conf": "arch.conf", 3 tries left.
struct CountedName {
  std::string name;
  std::optional<unsigned> tries_left;
};
[[nodiscard]] CountedName split_counter(std::string_view file_name, std::string_view suffix);

/// The command line of a unified image: what was passed, or its own, and what add-ons append.
struct UnifiedCommandLine {
  std::optional<std::string> line;
  std::vector<std::string> possible_words;  ///< of add-ons that Secure Boot may refuse
};
[[nodiscard]] UnifiedCommandLine unified_command_line(
    const UnifiedProfile& profile, const std::optional<std::string>& passed,
    const std::vector<const std::vector<UnifiedAddon>*>& addons, bool secure_boot);

}  // namespace vfio_switch
