// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/boot/refind_conf.h"

namespace vfio_switch {

/// What stands in a directory that rEFInd scans, directories left out.
struct RefindFile {
  std::string name;
  std::optional<std::int64_t> modified = std::nullopt;  ///< in seconds; nothing: not known
  bool is_link = false;                                 ///< symbolic
  std::optional<bool> is_program = true;                ///< an EFI program; nothing: not known
};

struct RefindDirectory {
  std::string at;    ///< as seen inside the root: "/boot"
  std::string path;  ///< on its volume, with slashes: "@/boot"; empty: the top
  std::vector<RefindFile> files;
  /// On the volume that rEFInd itself is on; others need a driver.
  bool is_own_volume = false;
  std::optional<BootUnknown> why = std::nullopt;  ///< where the files could not be listed
};

/// The kernels of a directory: their names, the one that folding shows first.
struct RefindKernels {
  std::vector<std::string> names;
  std::optional<BootUnknown> why_no_first = std::nullopt;
};

[[nodiscard]] RefindKernels refind_kernels(const RefindDirectory& directory, const RefindConf& conf,
                                           bool is_arm);

/// "6.1.0-9" of "vmlinuz-6.1.0-9-amd64": from the first digit to the last, widened to the first of
/// `extra` that the text holds. Nothing: there is none.
[[nodiscard]] std::optional<std::string> refind_version(std::string_view text,
                                                        const std::vector<std::string>& extra);

/// The initrd that rEFInd picks for a kernel among the files of its directory.
struct RefindInitrd {
  std::optional<std::string> name;
  std::optional<BootUnknown> why = std::nullopt;  ///< why that is not known
};

[[nodiscard]] RefindInitrd refind_initrd(const RefindDirectory& directory,
                                         const std::string& kernel, const RefindConf& conf);

/// "\boot\vmlinuz" of a file of the directory.
[[nodiscard]] std::string refind_path_of(const RefindDirectory& directory, std::string_view name);

}  // namespace vfio_switch
