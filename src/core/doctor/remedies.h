// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/doctor/examination.h"
#include "core/message/remedy.h"

namespace vfio_switch {

/// The command that makes the kept intent hold, with `options`.
[[nodiscard]] Run command_for_intent(const Examination& examination,
                                     std::vector<std::string> options = {});

/// Builds every initramfs, so that changed files count in it.
[[nodiscard]] RemedyStep rebuild_step(const Examination& examination);

/// The next boots get `parameter`.
[[nodiscard]] Remedy adding(const Examination& examination, std::string_view parameter);

/// The next boots get the card's ids beside those of `word`, a parameter of theirs, and no second
/// one. Where no ids do, because the card is bound by address, they get it no more.
[[nodiscard]] Remedy completing_ids(const Examination& examination, const std::string& word);

/// The next boots get `parameter` no more: the lines that have it, and what has to be run then.
[[nodiscard]] Remedy dropping(const Examination& examination, std::string_view parameter);

/// The word of the next boot's command line that has ids, as it stands there.
[[nodiscard]] std::string ids_on_command_line(const SystemFacts& facts);

/// Where the tool that builds unified images is known, and nobody has to sign them, it is run
/// instead of being left to a person.
[[nodiscard]] Remedy with_build(const Examination& examination, Remedy remedy);

/// Takes the line at `place` out of a file of modprobe.d: see core/modules/modprobe_conf.h.
[[nodiscard]] Remedy without_line(const Examination& examination, const Place& place);

/// Adds steps, each no more than once; commands that are already there move to the end, since they
/// come after the last change.
void add_steps(Remedy& remedy, const Remedy& more);

}  // namespace vfio_switch
