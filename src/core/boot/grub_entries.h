// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_sources.h"
#include "core/boot/grub_machine.h"

namespace vfio_switch {

/// An entry of the Boot Loader Specification as GRUB's command `blscfg` reads it, which is not what
/// the specification says: a line without a value ends the file, a blank one too, the first
/// `options` counts alone, and `version` is not used.
struct GrubEntryFile {
  std::string name;  ///< of the file, without .conf
  std::string title;
  std::string linux;
  std::optional<std::string> options;
  std::vector<std::string> initrds;
  std::optional<std::string> machine_id;
  int line = 0;  ///< of `linux`

  bool operator==(const GrubEntryFile&) const = default;
};

/// Nothing where the file has no `linux`: GRUB shows no such entry.
[[nodiscard]] std::optional<GrubEntryFile> parse_grub_entry(std::string_view file_name,
                                                            std::string_view text);

/// Orders the names of entry files as GRUB does: by name, version and release, which are split at
/// the last two dashes, each as rpm compares versions. Negative: `left` is older.
[[nodiscard]] int compare_grub_entries(std::string_view left, std::string_view right);

/// The options of an entry with the variables of `state` in it (blscfg.c, expand_val: a lone
/// character behind a variable, at the end, is lost). `open` gets the names of those whose value is
/// not known.
[[nodiscard]] std::string expand_grub_options(std::string_view options, const GrubState& state,
                                              std::vector<std::string>& open);

/// What `blscfg` is run with.
struct GrubEntriesRequest {
  const BootSources& sources;
  const GrubState& state;
  std::string argument;  ///< of the command; may be empty
};

/// Carries out `blscfg`: hands each entry, in the order of the menu, and its body to `add`, and
/// what could not be read to `miss`.
GrubTruth read_grub_entries(const GrubEntriesRequest& request,
                            const std::function<void(GrubItem, GrubScript)>& add,
                            const std::function<void(BootUnknown)>& miss);

}  // namespace vfio_switch
