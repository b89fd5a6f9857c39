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

}  // namespace vfio_switch
