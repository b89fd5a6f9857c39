// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/message/note.h"
#include "core/pci/pci.h"

namespace vfio_switch {

/// What the boot menu's entries did with the card when a run of root's proved it: for those who may
/// not read the menu or its images. Nothing in it is secret.
struct MenuRecord {
  struct Function {
    PciAddress device;
    std::optional<std::string> winner = std::nullopt;  ///< nothing: no driver, or not known
    bool proved = false;

    bool operator==(const Function&) const = default;
  };

  struct Entry {
    std::string id;  ///< without what identifies a machine or a file system
    std::string title;
    EntryKind kind = EntryKind::usual;
    bool is_default = false;
    bool is_once = false;
    std::optional<std::string> release = std::nullopt;
    std::vector<Function> functions = {};

    bool operator==(const Entry&) const = default;
  };

  std::string time = {};        ///< when the proof began: ISO 8601, in UTC
  std::string local_time = {};  ///< the same, as people here write it
  std::vector<Entry> entries = {};
  std::optional<Note> why_unusable = std::nullopt;  ///< set: it says nothing about the next boot

  bool operator==(const MenuRecord&) const = default;
};

}  // namespace vfio_switch
