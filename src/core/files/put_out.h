// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vfio_switch {

/// `content`, of the file at `path`, with our mark in front of every line, which makes it a
/// comment, and a first line that says so. To modprobe, systemd and a shell the file is empty then,
/// and put_back() restores every byte. It is meant for a generated file that was edited.
[[nodiscard]] std::string put_out(std::string_view path, std::string_view content);

/// What put_out() was given; nothing where `content` is not of that form, every line of it.
[[nodiscard]] std::optional<std::string> put_back(std::string_view content);

/// The command that does the same as put_back() to the file at `path`, an argument a string.
[[nodiscard]] std::vector<std::string> put_back_arguments(std::string_view path);
/// The same as it is typed.
[[nodiscard]] std::string put_back_command(std::string_view path);

}  // namespace vfio_switch
