// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "core/files/unread_file.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// The first of libkmod's databases in `modules_directory` that libkmod must not be given; nothing
/// where all are sound, or are not there. It opens a FIFO and waits for ever, and reads past the
/// end of an index that was cut short.
[[nodiscard]] std::optional<UnreadFile> find_odd_index(const FileReader& files,
                                                       const std::string& modules_directory);

}  // namespace vfio_switch
