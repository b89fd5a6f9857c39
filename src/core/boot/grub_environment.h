// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace vfio_switch {

using GrubEnvironment = std::map<std::string, std::string, std::less<>>;

/// The variables of a grubenv file: a first line that says what it is, `name=value` lines in which
/// a backslash escapes itself and the line's end, and '#' up to the end of 1024 bytes (GRUB's
/// lib/envblk.c). A value that breaks off is dropped, with what follows, as GRUB does it. Nothing
/// where the first line is another: GRUB then loads no variable at all.
[[nodiscard]] std::optional<GrubEnvironment> parse_grub_environment(std::string_view text);

}  // namespace vfio_switch
