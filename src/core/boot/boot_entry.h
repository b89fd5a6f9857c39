// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vfio_switch {

/// An entry of the Boot Loader Specification, LOADER/entries/NAME.conf: `key value` lines, of which
/// `options` holds the kernel's command line, also in several lines.

[[nodiscard]] bool entry_has_parameter(std::string_view text, std::string_view parameter);

/// True if the entry starts a kernel, and is not there for rescue.
[[nodiscard]] bool is_kernel_entry(std::string_view path, std::string_view text);

/// What stands behind its `version`; empty where it has none.
[[nodiscard]] std::string_view entry_version(std::string_view text);

/// Nothing where the entry starts no kernel or cannot be understood.
[[nodiscard]] std::optional<std::string> add_entry_parameter(std::string_view text,
                                                             std::string_view parameter);
[[nodiscard]] std::string remove_entry_parameter(std::string_view text, std::string_view parameter);

/// A file that holds a command line and nothing else: /etc/kernel/cmdline,
/// /etc/cmdline.d/NAME.conf. Line ends are blanks, and lines that begin with '#' are comments.

/// True if a line is neither blank nor a comment.
[[nodiscard]] bool says_something(std::string_view text);

[[nodiscard]] bool cmdline_file_has_parameter(std::string_view text, std::string_view parameter);

/// Nothing where the file holds no parameter yet: it must never hold ours alone.
[[nodiscard]] std::optional<std::string> add_cmdline_file_parameter(std::string_view text,
                                                                    std::string_view parameter);
[[nodiscard]] std::string remove_cmdline_file_parameter(std::string_view text,
                                                        std::string_view parameter);

/// The same file as proxmox-boot-tool and u-boot-update read it: the kernel gets its first line
/// alone, as it is.

/// Empty where there is none, or it is a comment.
[[nodiscard]] std::string_view first_line(std::string_view text);

[[nodiscard]] bool first_line_has_parameter(std::string_view text, std::string_view parameter);

/// Nothing where that line says nothing.
[[nodiscard]] std::optional<std::string> add_first_line_parameter(std::string_view text,
                                                                  std::string_view parameter);
[[nodiscard]] std::string remove_first_line_parameter(std::string_view text,
                                                      std::string_view parameter);

}  // namespace vfio_switch
