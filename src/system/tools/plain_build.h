// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "system/files/file_reader.h"
#include "system/process/command_runner.h"

namespace vfio_switch {

/// A rebuild of initramfs images without a plan: by what is installed, and nothing else.
struct PlainBuild {
  Invocation command;
  /// The image that `written` is renamed to; empty where the command writes in its place.
  std::string image = {};
  std::string written = {};

  /// The command, as a person would type it.
  [[nodiscard]] std::string str() const;
};

/// The distribution's plain commands that build every image: `update-initramfs -u -k all`, one
/// `dracut --force` for each of `images` whose path names a kernel, ... None where no builder that
/// we know is installed.
[[nodiscard]] std::vector<PlainBuild> plain_builds(const FileReader& files,
                                                   const CommandRunner& runner,
                                                   const std::vector<std::string>& images);

/// The installed kernel whose release the path of an image names; empty where none is.
[[nodiscard]] std::string release_of_image(const FileReader& files, const std::string& image);

/// The images of the installed kernels, where they have the names that distributions give them.
[[nodiscard]] std::vector<std::string> usual_images(const FileReader& files);

/// The plain commands that make the boot loader's files from its settings: GRUB's where it is
/// there, and those whose settings are among the files `changed`. None where we know none.
[[nodiscard]] std::vector<Invocation> plain_boot_commands(const FileReader& files,
                                                          const CommandRunner& runner,
                                                          const std::vector<std::string>& changed);

/// The temporary files that the builders leave beside an image when a build is cut off. The file
/// that they were told to write is not among them.
[[nodiscard]] std::vector<std::string> unfinished_files(const std::string& image);

}  // namespace vfio_switch
