// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/message/data.h"
#include "core/message/template.h"

namespace vfio_switch {

/// Turns a template's English into another language's; handed in by the program that talks, since
/// nothing here opens a catalogue.
using Translate = std::string (*)(const Template& sentence, unsigned long count);

/// What the program speaks from here on. Called once, at its start.
void speak(Translate translate);

/// The one place where a sentence is made of its facts. Control characters of foreign text are
/// made visible; a command is quoted so that a shell reads it as it is meant.
[[nodiscard]] std::string format(const Template& sentence, const Data& data);

/// True if `data` has what `sentence` asks for: of what was read from a file.
[[nodiscard]] bool fits(const Template& sentence, const Data& data);

/// One item as sentences show it.
[[nodiscard]] std::string item_text(const Item& item);

/// A command as a person types it.
[[nodiscard]] std::string command_text(const Command& command);

}  // namespace vfio_switch
