// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/message/template.h"

namespace vfio_switch {

/// A catalogue of a language that nobody speaks, which the programs in this directory have: each
/// sentence stands between ⟦ and ⟧, each placeholder between ⟨ and ⟩, and the letters of every word
/// between them are reversed. Code that decides by a sentence, or cuts one in two, comes to nothing
/// with it (tests/run --pseudo). Tests undo it by the same reversal: plain() in tests/unit/told.cc
/// and tests/cli/helper.py.
[[nodiscard]] std::string pseudo_translation(const Template& sentence, unsigned long count);

}  // namespace vfio_switch
