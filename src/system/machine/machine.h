// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/cards/intent.h"
#include "core/machine/facts.h"
#include "core/machine/profile.h"
#include "core/machine/settings.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// A machine as a command finds it: its facts, and what is configured.
struct Machine {
  Profile profile;
  Settings settings;
  State state;
  SystemFacts facts;
};

[[nodiscard]] Result<Machine> read_machine(const FileReader& files);

}  // namespace vfio_switch
