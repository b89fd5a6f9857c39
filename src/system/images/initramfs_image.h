// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "system/files/file_reader.h"
#include "system/images/image_tree.h"

namespace vfio_switch {

/// Reads several initramfs as the kernel does, one over the other; the last one that has a file
/// counts.
[[nodiscard]] Result<std::unique_ptr<ImageTree>> read_initramfs(
    const FileReader& files, const std::vector<std::string>& paths);

/// Reads an initramfs, or the one inside a unified kernel image, as the kernel would unpack it: a
/// row of segments, each an uncompressed cpio archive or a compressed stream of them, with zeros
/// between. They are found here: libarchive sees the first one of several only, or fails.
/// An Error says what is wrong with the image, and names it.
[[nodiscard]] Result<std::unique_ptr<ImageTree>> read_initramfs(const FileReader& files,
                                                                const std::string& path);

}  // namespace vfio_switch
