// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/message/data.h"

namespace vfio_switch {

/// A word of a list, and where it stands.
struct ConfigWord {
  std::string text;
  Place where;  ///< "/etc/mkinitcpio.conf:7"

  bool operator==(const ConfigWord&) const = default;
};

/// One `NAME=...` of a file that bash reads: mkinitcpio's configuration and its presets. Only what
/// people write there is understood; no shell is run to find out.
struct ConfAssignment {
  std::string name;
  bool appends = false;  ///< NAME+=
  std::vector<ConfigWord> words;
  Place where;  ///< of the assignment itself

  bool operator==(const ConfAssignment&) const = default;
};

/// The assignments of `text`, in order: `A=b`, `A="b c"` (the words of a string are told apart as
/// those of an array), `A=(b c)`, over several lines or not. Those inside an `if` count as well.
/// A variable is left as it is written.
[[nodiscard]] std::vector<ConfAssignment> parse_assignments(std::string_view file,
                                                            std::string_view text);

/// What `name` holds after `assignments`: of an assignment that names the list itself
/// (`MODULES=(a ${MODULES[@]})`) that place holds what it held before.
[[nodiscard]] std::vector<ConfigWord> list_after(const std::vector<ConfAssignment>& assignments,
                                                 std::string_view name);

/// One image of a preset in mkinitcpio.d.
struct MkinitcpioPreset {
  std::string name;                  ///< "default"
  std::string image;                 ///< empty: none is written
  std::string unified;               ///< the unified kernel image; empty: none
  std::optional<ConfigWord> config;  ///< in place of mkinitcpio.conf and all its drop-ins
  std::vector<std::string> options;
  std::optional<Place> unclear;   ///< where it says something that only a shell understands
  std::string command_line = {};  ///< a file or directory for the unified image; empty: the usual

  bool operator==(const MkinitcpioPreset&) const = default;
};

/// The images that the preset at `file` has built, in order.
[[nodiscard]] std::vector<MkinitcpioPreset> parse_preset(std::string_view file,
                                                         std::string_view text);

}  // namespace vfio_switch
