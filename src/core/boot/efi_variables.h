// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_menu.h"

namespace vfio_switch {

/// A boot option of the firmware: the variable BootXXXX.
struct LoadOption {
  unsigned number = 0;
  bool is_active = false;
  std::string description = {};
  std::optional<std::string> partition_uuid = std::nullopt;  ///< of the GPT, lower case
  std::string file = {};  ///< on that partition, with slashes; may be empty
  std::string options = {};

  bool operator==(const LoadOption&) const = default;
};

/// What the firmware, the boot loader and the kernel's stub left in EFI variables. A variable that
/// is not set has no value; one that is set and cannot be read is in `unknown`.
struct EfiVariables {
  bool is_efi = false;                          ///< the system was started by EFI firmware
  std::optional<std::string> loader_info;       ///< "systemd-boot 257.7", "GRUB 2.12", "Limine 10"
  std::optional<std::string> loader_image;      ///< the loader's file, with slashes
  std::optional<std::string> loader_partition;  ///< GUID of the partition it is on
  std::optional<std::string> entry_default;
  std::optional<std::string> entry_preferred;
  std::optional<std::string> entry_once;
  std::optional<std::string> entry_last;      ///< LoaderEntryLastBooted, for "@saved"
  std::optional<std::string> entry_selected;  ///< what started this boot
  std::vector<std::string> entries;           ///< what the loader found at this boot
  std::optional<std::string> timeout;
  std::optional<std::string> stub_info;
  std::optional<std::string> stub_image;  ///< the unified image of this boot, with slashes
  std::optional<std::string> stub_partition;
  std::optional<std::string> stub_profile;
  std::optional<std::string> limine_last;  ///< LimineLastBootedEntry
  std::optional<std::string> refind_last;  ///< rEFInd's PreviousBoot
  bool hibernated = false;                 ///< HibernateLocation: systemd wrote an image to resume
  std::optional<bool> secure_boot;
  std::optional<unsigned> boot_current;
  std::optional<unsigned> boot_next;
  std::vector<unsigned> boot_order;
  std::vector<LoadOption> load_options;
  std::vector<BootUnknown> unknown;

  bool operator==(const EfiVariables&) const = default;
};

/// True for the names of variables in efivarfs that add_efi_variable() has a use for.
[[nodiscard]] bool is_boot_variable(std::string_view file_name);

/// Takes in a variable: its file in efivarfs, and its content, of which 4 bytes are attributes.
/// What cannot be understood changes nothing.
void add_efi_variable(EfiVariables& variables, std::string_view file_name,
                      std::string_view content);

/// UTF-16LE up to a NUL or the end, as UTF-8. What is no text becomes '?'.
[[nodiscard]] std::string utf8_of_efi(std::string_view utf16);

/// "\EFI\Linux\a.efi" as "/EFI/Linux/a.efi".
[[nodiscard]] std::string slashed(std::string_view path);

}  // namespace vfio_switch
