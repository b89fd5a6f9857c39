// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "core/error.h"
#include "core/facts.h"
#include "core/profile.h"
#include "system/command_runner.h"
#include "system/file_reader.h"

namespace vfio_switch {

/// Debian's initramfs-tools. It writes IMAGE.new and renames it.
struct UpdateInitramfs {
  static constexpr bool replaces_by_rename = true;
  [[nodiscard]] static Command rebuild(const std::string& release);
  /// What stands beside the image while it is built, and stays where the build is cut off.
  [[nodiscard]] static std::vector<std::string> unfinished(const std::string& image);
  /// /etc/initramfs-tools/modules and /usr/share/initramfs-tools/modules.d: initramfs.conf(5).
  [[nodiscard]] static Result<std::vector<EarlyModule>> early_modules(const FileReader& files);
};

/// The closed set of programs that build an initramfs.
using InitramfsTool = std::variant<UpdateInitramfs>;

/// The first candidate of the profile that is installed. An Error where none is.
[[nodiscard]] Result<InitramfsTool> find_initramfs_tool(const Profile& profile,
                                                        const CommandRunner& runner);

/// True if the tool never writes into an existing image, but replaces it when it is complete.
[[nodiscard]] bool replaces_by_rename(const InitramfsTool& tool);

/// The paths of what the tool leaves beside an image when its build is cut off.
[[nodiscard]] std::vector<std::string> unfinished_files(const InitramfsTool& tool,
                                                        const std::string& image);

/// The modules that the profile's generators load in every image, by configuration.
[[nodiscard]] Result<std::vector<EarlyModule>> read_early_modules(const FileReader& files,
                                                                  const Profile& profile);

/// The command that builds the image of one kernel anew.
[[nodiscard]] Command rebuild_command(const InitramfsTool& tool, const std::string& release);

}  // namespace vfio_switch
