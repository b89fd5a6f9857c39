// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/doctor/doctor_facts.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// The processes that have a display, render or sound device of a PCI function open: by
/// /proc/PID/fd, which shows ordinary users their own processes only.
[[nodiscard]] std::vector<Holder> read_holders(const FileReader& files);

/// The files in /dev/dri, and the function that each is of.
[[nodiscard]] DriNodes read_dri_nodes(const FileReader& files);

}  // namespace vfio_switch
