// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/key_value.h"

#include "core/base/text.h"

namespace vfio_switch {

Result<std::vector<KeyValue>> parse_key_values(std::string_view file, std::string_view text) {
  std::vector<KeyValue> entries;
  int number = 0;
  for (const auto raw : split_lines(text)) {
    ++number;
    const auto line = trim(raw);
    if (line.empty() || line.front() == '#') continue;
    const auto equals = line.find('=');
    KeyValue entry{std::string(trim(line.substr(0, equals))), {}, number};
    if (equals == std::string_view::npos || entry.key.empty()) {
      return bad_key(file, {std::string(line), {}, number}, "is not of the form key = value");
    }
    entry.value = trim(line.substr(equals + 1));
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::unexpected<Error> bad_key(std::string_view file, const KeyValue& entry, std::string_view why) {
  return fail(
      ErrorKind::usage,
      std::string(file) + ":" + std::to_string(entry.line) + ": '" + printable(entry.key) + "' " +
          std::string(why),
      "Correct or remove line " + std::to_string(entry.line) + " of " + std::string(file) + ".");
}

}  // namespace vfio_switch
