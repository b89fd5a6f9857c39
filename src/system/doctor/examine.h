// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "core/base/error.h"
#include "core/doctor/diagnosis.h"
#include "system/files/file_reader.h"
#include "system/machine/machine.h"

namespace vfio_switch {

/// Gathers what a diagnosis is made from. `interrupted`: what the journal says.
[[nodiscard]] Result<Examination> examine(const FileReader& files, const Machine& machine,
                                          std::optional<Refusal> interrupted);

}  // namespace vfio_switch
