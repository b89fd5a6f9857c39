// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/boot/efi_variables.h"
#include "core/boot/entry_tool.h"

namespace vfio_switch {

/// How it is known which boot loader a machine has, the surest first:
///
/// 1. `next_option`: the firmware's choice for the next boot alone (BootNext), or its first active
///    choice (BootOrder), where the file's name is one that only one loader has.
/// 2. `loader_info`: what started the running system said so (LoaderInfo). GRUB and Limine say it
///    too: that the variable is there proves nothing, its text does.
/// 3. `stub_info`: the stub of a unified image was started, and no loader said anything (StubInfo).
/// 4. `boot_image`: the running kernel's command line has BOOT_IMAGE=, as GRUB and extlinux write
///    it.
/// 5. `files`: the file that only this loader reads is there.
///
/// The first of these that names a loader settles it, with two exceptions. If both 1 and 2 name a
/// loader, it must be the same one, except where 1 is BootNext: firmware skips options that fail.
/// And if only 5 names loaders, and several of them, it is not known which one starts.
enum class LoaderEvidence { next_option, loader_info, stub_info, boot_image, files };

[[nodiscard]] std::string_view to_string(LoaderEvidence evidence);

struct LoaderSign {
  LoaderKind kind = LoaderKind::unknown;
  LoaderEvidence evidence = LoaderEvidence::files;
  std::string detail;  ///< the text of the variable, or the path of the file

  bool operator==(const LoaderSign&) const = default;
};

/// What was looked at to find the boot loader.
struct LoaderSigns {
  std::optional<bool> is_efi;  ///< nothing: not known (a root that does not run)
  EfiVariables variables;
  std::optional<std::string> boot_image;  ///< of the running kernel's command line
  std::vector<LoaderSign> files;          ///< of evidence `files`
  EntryTool tool = EntryTool::none;
  std::string tool_file;  ///< what shows that the tool is in use
};

struct LoaderFinding {
  LoaderKind kind = LoaderKind::unknown;  ///< unknown: none, or one of several
  std::vector<LoaderSign> signs;          ///< of each plausible loader the surest
  EntryTool tool = EntryTool::none;
  std::string tool_file;
  /// The next boot alone starts something else (BootNext): the firmware's option.
  std::optional<LoadOption> once;

  bool operator==(const LoaderFinding&) const = default;
};

[[nodiscard]] LoaderFinding find_loader(const LoaderSigns& signs);

/// The loader whose EFI program has such a path; unknown: several have, or none.
[[nodiscard]] LoaderKind loader_of_file(std::string_view path);

/// Why `kind` is unknown.
[[nodiscard]] BootUnknown why_no_loader(const LoaderFinding& finding);

}  // namespace vfio_switch
