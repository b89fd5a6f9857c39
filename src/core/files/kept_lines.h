// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace vfio_switch {

// A generated file may hold lines that stood in it before vfio-switch wrote it, below its own and
// behind a mark. They are somebody else's: they stay in effect when the file is disabled.

/// `own` with `kept` behind it, and the mark between them; `own` alone where nothing is kept.
[[nodiscard]] std::string with_kept_part(std::string own, std::string_view kept);

/// What of `content` is vfio-switch's own: all of it where nothing is kept.
[[nodiscard]] std::string_view own_part(std::string_view content);

/// What is kept behind the mark, without the digest at the end.
[[nodiscard]] std::string_view kept_part(std::string_view content);

/// True if a line of vfio-switch's own part has an effect.
[[nodiscard]] bool is_live(std::string_view content);

}  // namespace vfio_switch
