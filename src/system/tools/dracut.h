// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/error.h"
#include "system/files/file_reader.h"
#include "system/tools/image_build.h"

namespace vfio_switch {

/// dracut. It writes in place, and removes the file if it fails. Therefore it is given a temporary
/// name, and the finished image is renamed. A unified image is more than an initramfs:
/// kernel-install and its plugins put it together. And where a tool calls dracut to make images for
/// its own boot entries, that one is run: sdbootutil names the image after its bytes, and predicts
/// what a TPM measures of it; limine-dracut writes its checksum into limine.conf.
struct Dracut {
  [[nodiscard]] static ImageBuild build(const FileReader& files, const std::string& release,
                                        const std::string& image);
};

/// True for an image that sdbootutil builds: initrd-SHA1 (install_kernel, sdbootutil 12630b29).
[[nodiscard]] bool is_sdbootutils(const FileReader& files, const std::string& image);

}  // namespace vfio_switch
