// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/doctor/doctor_facts.h"
#include "core/machine/facts.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// What only doctor looks at. Never fails: what cannot be read is left out.
[[nodiscard]] DoctorFacts read_doctor_facts(const FileReader& files, const SystemFacts& facts);

}  // namespace vfio_switch
