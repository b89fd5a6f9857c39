// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/images/mkinitcpio_conf.h"
#include "core/machine/facts.h"
#include "core/machine/profile.h"
#include "system/files/foreign_files.h"
#include "system/tools/image_build.h"

namespace vfio_switch {

/// Arch's mkinitcpio. It writes into the image, over what is there.
struct Mkinitcpio {
  /// Builds the image as its preset says, but under another name.
  [[nodiscard]] static Result<ImageBuild> build(const FileReader& files, const std::string& release,
                                                const std::string& image);
  /// MODULES, where our hook, which comes before them, is not in HOOKS or is not installed.
  [[nodiscard]] static std::vector<EarlyModule> early_modules(ForeignFiles& files);
};

/// limine-mkinitcpio-hook's program, which calls mkinitcpio for every kernel, whatever its preset
/// says, and writes the images' digests into limine.conf: it cannot be given another name.
struct LimineMkinitcpio {
  [[nodiscard]] static ImageBuild build(const std::string& image) {
    return {{"limine-mkinitcpio", {}}, image, true};
  }
};

/// The image that the preset of a kernel's package says; nothing where there is no such preset.
[[nodiscard]] std::optional<std::string> read_preset_image(ForeignFiles& files,
                                                           const std::string& package);

/// True if mkinitcpio is the generator in use and only a drop-in of ours would make it run our
/// hook.
[[nodiscard]] bool wants_mkinitcpio_drop_in(ForeignFiles& files,
                                            std::optional<InitramfsGenerator> generator);

/// What in the configuration of mkinitcpio would keep our files out of images, or break a build.
[[nodiscard]] Result<std::vector<ImageHindrance>> find_mkinitcpio_hindrances(
    ForeignFiles& files, std::optional<InitramfsGenerator> generator,
    const std::vector<Kernel>& kernels);

}  // namespace vfio_switch
