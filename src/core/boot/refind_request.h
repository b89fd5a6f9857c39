// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/boot/boot_menu.h"
#include "core/boot/efi_variables.h"
#include "core/boot/refind_conf.h"
#include "core/boot/refind_kernels.h"

namespace vfio_switch {

struct RefindRequest {
  std::string path;  ///< of refind.conf, as seen inside the root
  std::string text;
  /// What rEFInd scans of the volumes that can be reached: the top, EFI/NAME, boot, @/boot.
  std::vector<RefindDirectory> directories;
  EfiVariables variables;
  ReadRefindFile read;
  bool is_arm = false;
  /// A volume that rEFInd may scan and that is not among these; nothing: there is none.
  std::optional<BootUnknown> unseen = BootUnknown{BootUnknownCode::file_system};
};

}  // namespace vfio_switch
