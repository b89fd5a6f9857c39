// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/cards/refusal.h"
#include "core/message/note.h"
#include "core/plan/boot_record.h"

namespace vfio_switch::test {

/// What people read, whatever the build's catalogue makes of it: see tests/pseudo.
[[nodiscard]] std::string plain(std::string_view text);

/// The same of a table, whose columns are as wide as the sentences: where those are in another
/// language, its blanks do not count.
[[nodiscard]] std::string plain_table(std::string_view text);

/// How many data a sentence asks for.
[[nodiscard]] unsigned placeholders(const Template& text);

// The sentences of facts, which must have as many data as their sentence asks for, as the English
// catalogue has them.
[[nodiscard]] std::string text_of(const Refusal& refusal);
[[nodiscard]] std::string text_of(const Note& note);
[[nodiscard]] std::string text_of(const BootFinding& finding);
/// Empty where there is no reason.
[[nodiscard]] std::string text_of(const std::optional<Reason>& reason);
/// The lines of a remedy, as a terminal shows them.
[[nodiscard]] std::string text_of(const Remedy& remedy);

/// A reason that nothing in a test depends on, and its text.
[[nodiscard]] Reason some_reason(std::string_view text = "because");

}  // namespace vfio_switch::test
