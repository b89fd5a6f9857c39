// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/machine/menu_record.h"
#include "core/plan/entry_proof.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// As exact as the times of files, with which it is compared.
using Moment = std::chrono::sys_time<std::chrono::nanoseconds>;

/// The content of the file at menu_record_path: of the entries that `menu` proves, what everybody
/// may know. `began`: from then on nothing that the proof was made of has been read.
[[nodiscard]] std::string render_menu_record(const MenuProof& menu, Moment began);

/// What stands there; nothing where nothing does. A file that cannot be read, that a newer version
/// wrote, or that is older than what it is about, is unusable and no Error: it only spares a
/// question to root.
[[nodiscard]] std::optional<MenuRecord> load_menu_record(const FileReader& files);

}  // namespace vfio_switch
