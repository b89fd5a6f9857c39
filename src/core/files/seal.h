// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace vfio_switch {

// A generated file carries its own digest in a comment, so that an edit shows without any record:
// snapshots restore /etc without /var.

/// `content` with its own digest behind it, in a comment.
[[nodiscard]] std::string sealed(std::string content);

/// The content above the digest line, or all of it where there is none.
[[nodiscard]] std::string_view unsealed(std::string_view content);

/// True if the program wrote `content`, whoever edited it since: it has a digest line.
[[nodiscard]] bool is_sealed(std::string_view content);

/// True if `content` is exactly what the program once wrote: its own digest fits.
[[nodiscard]] bool is_unmodified(std::string_view content);

/// True if no line of `content` has an effect: only comments and blank lines.
[[nodiscard]] bool is_inert(std::string_view content);

}  // namespace vfio_switch
