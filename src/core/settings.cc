// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/settings.h"

#include <set>
#include <string>

#include "core/key_value.h"
#include "core/text.h"

namespace vfio_switch {

namespace {

/// `iommu`: auto or pt.
Result<void> take_iommu(std::string_view file, const KeyValue& entry, Settings& settings) {
  settings.pass_through = entry.value == "pt";
  if (settings.pass_through || entry.value == "auto") return {};
  return bad_key(file, entry, "can be auto or pt");
}

}  // namespace

Result<Settings> parse_settings(std::string_view file, std::string_view text) {
  auto entries = parse_key_values(file, text);
  if (!entries) return failure_of(entries);
  Settings settings;
  std::set<std::string> seen;
  for (const auto& entry : *entries) {
    if (entry.key != "device" && entry.key != "iommu") {
      return bad_key(file, entry, "is no setting (known: device, iommu)");
    }
    if (!seen.insert(entry.key).second) return bad_key(file, entry, "is set twice");
    if (entry.key == "iommu") {
      if (auto taken = take_iommu(file, entry, settings); !taken) return failure_of(taken);
      continue;
    }
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
