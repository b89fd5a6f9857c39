// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/os_release.h"

#include "core/base/text.h"

namespace vfio_switch {

namespace {

/// The value of a shell-like assignment: quotes off, backslash escapes resolved.
std::string unquote(std::string_view value) {
  const bool quoted = value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
                      value.back() == value.front();
  const bool escapes = !quoted || value.front() == '"';
  if (quoted) value = value.substr(1, value.size() - 2);
  std::string plain;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (escapes && value[i] == '\\' && i + 1 < value.size()) ++i;
    plain += value[i];
  }
  return plain;
}

}  // namespace

OsRelease parse_os_release(std::string_view text) {
  OsRelease os{"linux", {}, "Linux"};
  for (const auto raw : split_lines(text)) {
    const auto line = trim(raw);
    const auto equals = line.find('=');
    if (line.empty() || line.front() == '#' || equals == std::string_view::npos) continue;
    const auto key = line.substr(0, equals);
    const auto value = unquote(line.substr(equals + 1));
    if (key == "ID") os.id = value;
    if (key == "PRETTY_NAME") os.pretty_name = value;
    if (key == "ID_LIKE") {
      const auto words = split_words(value);
      os.id_like.assign(words.begin(), words.end());
    }
  }
  return os;
}

}  // namespace vfio_switch
