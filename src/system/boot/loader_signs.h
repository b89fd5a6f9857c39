// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/boot/efi_variables.h"
#include "core/boot/loader_search.h"
#include "system/boot/boot_files.h"
#include "system/boot/file_systems.h"

namespace vfio_switch {

/// The partitions that EFI loaders read, as seen inside the root.
struct BootPlaces {
  std::string esp;       ///< empty: none was found
  std::string xbootldr;  ///< empty: there is none
};

[[nodiscard]] BootPlaces find_boot_places(const BootFiles& files, const FileSystems& systems);

/// The variables below /sys/firmware/efi/efivars of the root.
[[nodiscard]] EfiVariables read_efi_variables(const BootFiles& files);

/// The grub.cfg files that exist; more than one where two GRUBs are installed.
[[nodiscard]] std::vector<std::string> find_grub_configs(const BootFiles& files,
                                                         const BootPlaces& places);

/// What shows which boot loader starts the system.
[[nodiscard]] LoaderSigns read_loader_signs(const BootFiles& files, const BootPlaces& places);

/// The first limine.conf that Limine would find; empty: there is none.
[[nodiscard]] std::string find_limine_config(const BootFiles& files, const BootPlaces& places);

/// The refind.conf files that exist; each belongs to the rEFInd beside it.
[[nodiscard]] std::vector<std::string> find_refind_configs(const BootFiles& files,
                                                           const BootPlaces& places);
[[nodiscard]] std::string find_extlinux_config(const BootFiles& files, const BootPlaces& places);

}  // namespace vfio_switch
