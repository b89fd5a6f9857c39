// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>
#include <vector>

#include "core/message/data.h"
#include "core/message/remedy.h"
#include "core/message/template.h"

namespace vfio_switch {

/// Everything that a person is told beside a plan or a status.
enum class NoteCause {
  card_moved,            ///< id, from, to
  device_moved,          ///< id, from, to: one that goes with the card
  file_adopted,          ///< file
  lines_kept,            ///< file, lines: of somebody else's, with an effect
  file_left,             ///< file
  file_put_out,          ///< file
  file_unread,           ///< file, why
  not_proved,            ///< reason
  bind_script_missing,   ///< file
  vfio_registers_first,  ///< kernel, reason
  others_lose_vfio,      ///< devices: that are not of the card
  image_tool,            ///< reason
  driver_blacklisted,    ///< place, driver
  no_driver_left,        ///< device, modules, by: places and parameters
  variant_driver,        ///< device, drivers
  tpm_unlock,            ///< place
  still_given,           ///< what: a parameter or a place; driver
  copy_stale,            ///< file, source
  menu_unknown,          ///< reason
  entry_unproved,        ///< entry, reason
  entry_differs,         ///< entry, driver, device, reason
  menu_changed,          ///< file: since a run of root's recorded the menu
  isolation_pending,
  acs_override,                     ///< parameter
  no_escape,                        ///< the boot menu cannot change the command line
  rebuild_not_needed,               ///< kernels
  rebuild_not_needed_without_card,  ///< kernels; which drivers could bind the card is not known
  parameters_stay,                  ///< command
  parameters_not_removed,           ///< reason
  hibernation,                      ///< what: a parameter or a place
  disks_return,                     ///< device, disks: of a controller that goes with the card
};

/// A row of the table of notes.
struct NoteKind {
  NoteCause cause = NoteCause::card_moved;
  std::string_view name;         ///< the cause's stable text: "card-moved"
  Template text;                 ///< a sentence without its full stop
  std::string_view code = name;  ///< what programs match on: "not-proved", whatever is not
};

/// Every kind, in the order of NoteCause.
[[nodiscard]] const std::vector<NoteKind>& note_kinds();

[[nodiscard]] const NoteKind& kind_of(NoteCause cause);

/// What a person should know, and what to do about it, if anything.
struct Note {
  NoteCause cause = NoteCause::card_moved;
  Data data = {};
  Remedy remedy = {};

  bool operator==(const Note&) const = default;
};

}  // namespace vfio_switch
