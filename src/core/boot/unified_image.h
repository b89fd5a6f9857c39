// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/byte_source.h"

namespace vfio_switch {

/// Part of an EFI program (PE/COFF) that is named: where its bytes are in the file.
struct PeSection {
  std::string name;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;

  bool operator==(const PeSection&) const = default;
};

/// The sections of an EFI program, in the order of its table. Nothing where it is none, or where a
/// section lies outside the file.
[[nodiscard]] std::optional<std::vector<PeSection>> read_pe_sections(const ByteSource& source);

/// What one profile of a unified kernel image starts: its own sections, and those of the base that
/// it has none for (the Unified Kernel Image specification). An image without profiles is one.
struct UnifiedProfile {
  unsigned number = 0;
  std::optional<std::string> id;     ///< of the profile: "factory-reset"
  std::optional<std::string> title;  ///< of the profile
  std::optional<std::string> command_line;
  std::optional<std::string> release;     ///< .uname
  std::optional<std::string> os_release;  ///< without it no loader lists the image
  std::optional<PeSection> kernel;
  std::optional<PeSection> initrd;
  std::optional<PeSection> microcode;  ///< unpacked before `initrd`

  bool operator==(const UnifiedProfile&) const = default;
};

/// At least one. Nothing where the file is no EFI program, or starts no kernel.
[[nodiscard]] std::optional<std::vector<UnifiedProfile>> read_unified_image(
    const ByteSource& source);

/// A file NAME.addon.efi, which adds to a command line.
struct UnifiedAddon {
  std::string path;  ///< as seen inside the root
  std::optional<std::string> release;
  std::optional<std::string> command_line;
  bool has_initrd = false;

  bool operator==(const UnifiedAddon&) const = default;
};

/// Nothing where the file is no EFI program, or a unified image itself: the stub refuses that.
[[nodiscard]] std::optional<UnifiedAddon> read_unified_addon(const ByteSource& source);

/// The command line of a section as the stub passes it on: control characters are blanks, and there
/// are none at the ends (systemd's mangle_stub_cmdline).
[[nodiscard]] std::string stub_command_line(std::string_view text);

/// The title, version and key to sort by that systemd's loaders take from an os-release section.
struct UnifiedName {
  std::string title;
  std::string version;
  std::string sort_key;

  bool operator==(const UnifiedName&) const = default;
};

/// Nothing where it has no name at all: then the image is not listed.
[[nodiscard]] std::optional<UnifiedName> name_of_unified(std::string_view os_release);

}  // namespace vfio_switch
