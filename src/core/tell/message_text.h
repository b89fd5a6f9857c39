// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/cards/refusal.h"
#include "core/files/diff.h"
#include "core/message/data.h"
#include "core/message/note.h"

namespace vfio_switch {

// Sentences are made of facts here, and nowhere else: what is the case, without a capital at the
// front or a full stop at the end, so that it can stand behind a code or a device.

[[nodiscard]] std::string refusal_text(const Refusal& refusal);
[[nodiscard]] std::string note_text(const Note& note);
/// A clause, as sentences hold it.
[[nodiscard]] std::string reason_text(const Reason& reason);
/// What a change does, without its reason: "write /etc/modprobe.d/vfio.conf".
[[nodiscard]] std::string action_text(const Change& change);

}  // namespace vfio_switch
