// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/settings.h"

#include "core/key_value.h"
#include "core/text.h"

namespace vfio_switch {

Result<Settings> parse_settings(std::string_view file, std::string_view text) {
  auto entries = parse_key_values(file, text);
  if (!entries) return failure_of(entries);
  Settings settings;
  bool seen = false;
  for (const auto& entry : *entries) {
    if (entry.key != "device") return bad_key(file, entry, "is no setting (known: device)");
    if (std::exchange(seen, true)) return bad_key(file, entry, "is set twice");
    if (entry.value == "auto") continue;
    if (entry.value == "none") {
      settings.forbidden = true;
      continue;
    }
    for (const auto word : split_words(entry.value, " \t,")) {
      auto spec = parse_device_spec(word);
      if (!spec) {
        return bad_key(file, entry,
                       "holds '" + printable(word) +
                           "', which is neither auto, none, an address such as "
                           "01:00.0, nor ids such as 10de:2d04");
      }
      settings.devices.push_back(*spec);
    }
    if (settings.devices.empty()) return bad_key(file, entry, "has no value");
  }
  return settings;
}

}  // namespace vfio_switch
