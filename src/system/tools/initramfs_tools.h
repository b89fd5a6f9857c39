// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/error.h"
#include "core/machine/facts.h"
#include "core/machine/profile.h"
#include "system/files/foreign_files.h"
#include "system/process/command_runner.h"
#include "system/tools/dracut.h"
#include "system/tools/image_build.h"
#include "system/tools/mkinitcpio.h"
#include "system/tools/rpm_ostree.h"

namespace vfio_switch {

/// Debian's initramfs-tools.
struct UpdateInitramfs {
  [[nodiscard]] static ImageBuild build(const std::string& release, const std::string& image);
  /// /etc/initramfs-tools/modules and /usr/share/initramfs-tools/modules.d: initramfs.conf(5).
  [[nodiscard]] static std::vector<EarlyModule> early_modules(ForeignFiles& files);
};

/// The closed set of programs that build an initramfs.
using InitramfsTool =
    std::variant<LimineMkinitcpio, Mkinitcpio, UpdateInitramfs, Dracut, RpmOstreeInitramfs>;

/// The first candidate of the profile that is installed; of an ostree system rpm-ostree. An Error
/// where there is none.
[[nodiscard]] Result<InitramfsTool> find_initramfs_tool(const Profile& profile,
                                                        const FileReader& files,
                                                        const CommandRunner& runner);

/// The first candidate that is installed in the root of `files`; nothing where none is.
[[nodiscard]] std::optional<InitramfsGenerator> find_generator(const Profile& profile,
                                                               const FileReader& files);

/// The modules that the profile's generators load in every image, by configuration.
[[nodiscard]] std::vector<EarlyModule> read_early_modules(ForeignFiles& files,
                                                          const Profile& profile);

/// What a person should know about the configuration of the tools.
[[nodiscard]] Result<std::vector<ImageHindrance>> find_image_hindrances(
    ForeignFiles& files, std::optional<InitramfsGenerator> generator,
    const std::vector<Kernel>& kernels);

/// How the image of one kernel is rebuilt.
[[nodiscard]] Result<ImageBuild> plan_build(const InitramfsTool& tool, const FileReader& files,
                                            const std::string& release, const std::string& image);

}  // namespace vfio_switch
