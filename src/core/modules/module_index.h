// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

namespace vfio_switch {

/// True if `bytes` are an index as depmod writes it (modules.alias.bin and others): libkmod reads
/// one without looking where it ends, so that one cut short, by a full disk or a lost power
/// supply, crashes whoever asks it.
///
/// Every node lies inside the file and behind those below it, as depmod writes them, none is
/// counted twice, and none has more children than libkmod has room for: a search stays in the file
/// and comes to an end.
[[nodiscard]] bool is_sound_index(std::string_view bytes);

/// True if libkmod opens it. That is enough for an index that it never searches.
[[nodiscard]] bool has_index_header(std::string_view bytes);

}  // namespace vfio_switch
