// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/boot/boot_menu.h"
#include "core/boot/efi_variables.h"

namespace vfio_switch {

struct LimineRequest {
  std::string path;  ///< of limine.conf, as seen inside the root
  std::string text;
  EfiVariables variables;
  std::string platform = "uefi";        ///< or "bios", as `if_fw_type` has it
  std::string architecture = "x86-64";  ///< as `if_arch` has it
};

/// Limine's menu (CONFIG.md of Limine 8 to 12). An id is the path of titles that `default_entry`
/// takes: "CachyOS/linux-cachyos". Unified images keep their command line where the entry has none.
[[nodiscard]] BootMenu read_limine_menu(const LimineRequest& request);

}  // namespace vfio_switch
