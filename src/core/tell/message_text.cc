// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/tell/message_text.h"

#include "core/message/format.h"
#include "core/message/reason.h"

namespace vfio_switch {

std::string refusal_text(const Refusal& refusal) {
  return format(kind_of(refusal.cause).text, refusal.data);
}

std::string note_text(const Note& note) {
  return format(kind_of(note.cause).text, note.data);
}

std::string reason_text(const Reason& reason) {
  return format(kind_of(reason.cause).text, reason.data);
}

std::string action_text(const Change& change) {
  if (const auto* file = std::get_if<FileChange>(&change)) {
    const bool goes = std::holds_alternative<Absent>(file->after);
    return format({goes ? "remove {1}" : "write {1}"}, {{"file", Place{file->path}}});
  }
  if (const auto* boot = std::get_if<BootParameters>(&change)) {
    return format({"run {1}"}, {{"command", Word{command_text({boot->command})}}});
  }
  return format({"rebuild {1}"}, {{"image", Place{std::get<RebuildInitramfs>(change).image}}});
}

}  // namespace vfio_switch
