// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "core/base/error.h"
#include "core/images/image_content.h"
#include "system/files/file_reader.h"

namespace vfio_switch {

/// What an image, opened by read_initramfs(), holds: its configuration, and how it loads modules,
/// as mkinitramfs, dracut and mkinitcpio build it.
/// `command_line` is what its kernel gets: dracut and systemd load what it names.
[[nodiscard]] Result<ImageFacts> read_image_facts(const FileReader& image,
                                                  std::string_view command_line = {});

}  // namespace vfio_switch
