// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/boot_loader.h"

#include <array>

namespace vfio_switch {

std::string_view name_of(const BootLoader& loader) {
  constexpr std::array<std::string_view, std::variant_size_v<BootLoader>> names = {
      "an unknown boot loader",
      "GRUB",
      "boot entries",
      "a unified kernel image",
      "grubby",
      "rpm-ostree",
      "bootc",
      "Limine",
      "rEFInd",
      "an entry generator"};
  if (const auto* generator = std::get_if<EntryGenerator>(&loader)) {
    switch (generator->kind) {
      case EntryGenerator::Kind::dracut:
        return "dracut";
      case EntryGenerator::Kind::limine_entry_tool:
        return "limine-entry-tool";
      case EntryGenerator::Kind::kernelstub:
        return "kernelstub";
      case EntryGenerator::Kind::proxmox_boot_tool:
        return "proxmox-boot-tool";
      case EntryGenerator::Kind::sdboot_manage:
        return "sdboot-manage";
      case EntryGenerator::Kind::sdbootutil:
        return "sdbootutil";
      case EntryGenerator::Kind::u_boot_update:
        return "u-boot-update";
    }
  }
  return names.at(loader.index());
}

}  // namespace vfio_switch
