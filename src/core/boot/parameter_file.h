// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/boot/boot_loader.h"
#include "core/files/diff.h"
#include "core/message/remedy.h"

namespace vfio_switch {

/// The content of a regular file; null for what is none.
[[nodiscard]] const std::string* content_of(const ParameterFile& file);

[[nodiscard]] bool has_parameter(const ParameterFile& file, std::string_view parameter);

/// True if all files have it, but for boot entries that do not count, and there are some.
[[nodiscard]] bool all_have(const std::vector<ParameterFile>& files, std::string_view parameter);

/// False for a boot entry that starts no kernel or is there for rescue, and for a command line file
/// that says nothing.
[[nodiscard]] bool counts(const ParameterFile& file);

/// `content` of such a file without `parameters`.
[[nodiscard]] std::string without_parameters(ParameterSyntax syntax, std::string_view content,
                                             const std::vector<std::string>& parameters);

/// Why a file changes that gets `add`, or loses `drop`.
[[nodiscard]] Reason reason_of_edit(const std::vector<std::string>& add,
                                    const std::vector<std::string>& drop);

/// The words of a line of the file at `path` that may be parameters; none of a comment, also where
/// one stands behind a value.
[[nodiscard]] std::vector<std::string_view> words_of_line(std::string_view path,
                                                          std::string_view line);

/// How the file at `path` spells command lines.
[[nodiscard]] ParameterSyntax syntax_of(std::string_view path);

/// The changes after which the files that count have `add`, and none has `drop`. As unexpected: the
/// file that cannot be changed, and what has to be done by hand.
[[nodiscard]] std::expected<std::vector<FileChange>, Obstacle> edit_files(
    const std::vector<ParameterFile>& files, const std::vector<std::string>& add,
    const std::vector<std::string>& drop);

}  // namespace vfio_switch
