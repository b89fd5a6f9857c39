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
      "kernelstub",
      "Limine",
      "rEFInd",
      "an entry generator"};
  if (const auto* generator = std::get_if<EntryGenerator>(&loader)) {
    return generator->kind == EntryGenerator::Kind::limine_entry_tool ? "limine-entry-tool"
                                                                      : "proxmox-boot-tool";
  }
  return names.at(loader.index());
}

}  // namespace vfio_switch
