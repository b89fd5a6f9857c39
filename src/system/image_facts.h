// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/error.h"
#include "core/image_proof.h"
#include "system/file_reader.h"

namespace vfio_switch {

/// What an image, opened by read_initramfs(), holds: its configuration, and how it loads modules,
/// as mkinitramfs, dracut and mkinitcpio build it.
[[nodiscard]] Result<ImageFacts> read_image_facts(const FileReader& image);

}  // namespace vfio_switch
