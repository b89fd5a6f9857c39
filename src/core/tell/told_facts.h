// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "core/doctor/finding.h"
#include "core/message/data.h"
#include "core/message/note.h"
#include "core/message/remedy.h"

namespace vfio_switch {

// What of typed facts a report may tell. Each fact is hidden by its type, before any sentence is
// made of it: lines of somebody's files, names, paths in home directories and of unusual places,
// arguments of commands that are not the program's own, kernel parameters that are not about
// passthrough. What is hidden becomes "...".

[[nodiscard]] Data told_data(const Data& data);
[[nodiscard]] Remedy told_remedy(const Remedy& remedy);
[[nodiscard]] Reason told_reason(const Reason& reason);
/// Without the difference, which shows a file of somebody's.
[[nodiscard]] Refusal told_refusal(const Refusal& refusal);
[[nodiscard]] Note told_note(const Note& note);
/// Without rows of a table that nothing is left of.
[[nodiscard]] Finding told_finding(const Finding& finding);

/// Of a home directory only what every user's has, of /etc/libvirt nothing below its directories;
/// paths outside the system's own directories, or of unusual letters, become "...".
[[nodiscard]] std::string told_path(std::string_view path);

/// A word of a kernel command line; a key that may be told keeps its name: "resume=...".
[[nodiscard]] std::string told_parameter(std::string_view word);

/// A line of a configuration file, where it is spelled as something harmless is.
[[nodiscard]] std::string told_line(std::string_view line);

}  // namespace vfio_switch
