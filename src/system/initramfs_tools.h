// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/error.h"
#include "core/facts.h"
#include "core/profile.h"
#include "system/command_runner.h"
#include "system/file_reader.h"
#include "system/mkinitcpio.h"

namespace vfio_switch {

/// Debian's initramfs-tools. It writes IMAGE.new and renames it.
struct UpdateInitramfs {
  static constexpr bool replaces_by_rename = true;
  [[nodiscard]] static Result<Command> rebuild(const FileReader& files, const ImageBuild& build);
  /// /etc/initramfs-tools/modules and /usr/share/initramfs-tools/modules.d: initramfs.conf(5).
  [[nodiscard]] static Result<std::vector<EarlyModule>> early_modules(const FileReader& files);
};

/// The closed set of programs that build an initramfs.
using InitramfsTool = std::variant<UpdateInitramfs, Mkinitcpio>;

/// The first generator of the profile whose program is installed; nothing where none is.
[[nodiscard]] std::optional<InitramfsGenerator> installed_generator(const FileReader& files,
                                                                    const Profile& profile);

/// The first candidate of the profile that is installed. An Error where none is.
[[nodiscard]] Result<InitramfsTool> find_initramfs_tool(const Profile& profile,
                                                        const CommandRunner& runner);

/// True if the tool never writes into an existing image, but replaces it when it is complete. Others
/// are told to write to another place.
[[nodiscard]] bool replaces_by_rename(const InitramfsTool& tool);

/// The modules that the profile's generators load in every image, by configuration.
[[nodiscard]] Result<std::vector<EarlyModule>> read_early_modules(const FileReader& files,
                                                                  const Profile& profile);

/// What in the configuration of the tools a person has to know of.
[[nodiscard]] Result<std::vector<ImageHindrance>> find_image_hindrances(
    const FileReader& files, const Profile& profile, const std::vector<Kernel>& kernels);

/// The command that builds one image anew.
[[nodiscard]] Result<Command> rebuild_command(const InitramfsTool& tool, const FileReader& files,
                                              const ImageBuild& build);

}  // namespace vfio_switch
