// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/facts.h"
#include "core/intent.h"
#include "core/profile.h"
#include "core/settings.h"
#include "system/file_reader.h"

namespace vfio_switch {

/// A machine as a command finds it: what is there, and what is wanted of it.
struct Machine {
  Profile profile;
  Settings settings;
  State state;
  SystemFacts facts;
};

[[nodiscard]] Result<Machine> read_machine(const FileReader& files);

}  // namespace vfio_switch
