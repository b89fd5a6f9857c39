// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/files/kept_lines.h"

#include "core/files/seal.h"

namespace vfio_switch {

namespace {

/// The packages' removal scripts look for its first words.
constexpr std::string_view mark =
    "# Kept by vfio-switch: the lines that were in this file before. They stay in effect when "
    "passthrough is disabled.\n";

/// Where the mark stands as a line of its own.
std::size_t find_mark(std::string_view content) {
  auto at = content.find(mark);
  while (at != std::string_view::npos && at > 0 && content[at - 1] != '\n') {
    at = content.find(mark, at + 1);
  }
  return at;
}

}  // namespace

std::string with_kept_part(std::string own, std::string_view kept) {
  if (kept.empty()) return own;
  own += mark;
  own += kept;
  return own;
}

std::string_view own_part(std::string_view content) {
  return content.substr(0, find_mark(content));
}

std::string_view kept_part(std::string_view content) {
  const auto at = find_mark(content);
  if (at == std::string_view::npos) return {};
  const auto body = unsealed(content);
  return at + mark.size() <= body.size() ? body.substr(at + mark.size()) : std::string_view();
}

bool is_live(std::string_view content) {
  return !is_inert(own_part(content));
}

}  // namespace vfio_switch
