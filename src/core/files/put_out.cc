// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/files/put_out.h"

namespace vfio_switch {

namespace {

constexpr std::string_view head =
    "# Put out of effect by vfio-switch, as somebody wrote it. To undo: ";
constexpr std::string_view mark = "#vfio-switch# ";

}  // namespace

std::vector<std::string> put_back_arguments(std::string_view path) {
  return {"sed", "-i", "1d; s/^" + std::string(mark) + "//", std::string(path)};
}

std::string put_back_command(std::string_view path) {
  const auto words = put_back_arguments(path);
  return words[0] + " " + words[1] + " '" + words[2] + "' " + words[3];
}

std::string put_out(std::string_view path, std::string_view content) {
  std::string text = std::string(head) + put_back_command(path) + "\n";
  while (!content.empty()) {
    const auto end = content.find('\n');
    const auto line = content.substr(0, end == std::string_view::npos ? end : end + 1);
    text += mark;
    text += line;
    content.remove_prefix(line.size());
  }
  return text;
}

std::optional<std::string> put_back(std::string_view content) {
  const auto first = content.find('\n');
  if (!content.starts_with(head) || first == std::string_view::npos) return std::nullopt;
  content.remove_prefix(first + 1);
  std::string text;
  while (!content.empty()) {
    if (!content.starts_with(mark)) return std::nullopt;
    const auto end = content.find('\n');
    const auto line = content.substr(0, end == std::string_view::npos ? end : end + 1);
    text += line.substr(mark.size());
    content.remove_prefix(line.size());
  }
  return text;
}

}  // namespace vfio_switch
