// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/boot/grub_environment.h"

#include <cstddef>

namespace vfio_switch {

namespace {

constexpr std::string_view signature = "# GRUB Environment Block\n";

/// Behind the end of a line; a backslash takes its end away, in a comment as well.
std::size_t next_line(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] != '\n') at += text[at] == '\\' ? 2 : 1;
  return at + 1;
}

/// The rest of a line without its escapes; `at` moves behind it. Nothing where it has no end.
std::optional<std::string> take_value(std::string_view text, std::size_t& at) {
  std::string value;
  while (at < text.size() && text[at] != '\n') {
    if (text[at] == '\\') ++at;
    if (at >= text.size()) return std::nullopt;
    value += text[at++];
  }
  if (at >= text.size()) return std::nullopt;
  ++at;
  return value;
}

}  // namespace

std::optional<GrubEnvironment> parse_grub_environment(std::string_view text) {
  if (!text.starts_with(signature)) return std::nullopt;
  GrubEnvironment environment;
  std::size_t at = signature.size();
  while (at < text.size()) {
    if (text[at] == '#') {
      // Filler, or a comment: GRUB's tools write one behind the first line.
      at = next_line(text, at);
      continue;
    }
    const auto equals = text.find('=', at);
    if (equals == std::string_view::npos) break;
    const auto name = text.substr(at, equals - at);
    at = equals + 1;
    auto value = take_value(text, at);
    if (!value) break;
    environment.insert_or_assign(std::string(name), std::move(*value));
  }
  return environment;
}

}  // namespace vfio_switch
