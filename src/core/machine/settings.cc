// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/settings.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>

#include "core/base/key_value.h"
#include "core/base/text.h"

namespace vfio_switch {

namespace {

/// Takes one value; an Error names the file and the line.
using Taker = Result<void> (*)(Settings& settings, std::string_view file, const KeyValue& entry);

/// One device or more; `words` are the other values that the setting takes.
Result<std::vector<DeviceSpec>> take_specs(std::string_view file, const KeyValue& entry,
                                           std::string_view words) {
  std::vector<DeviceSpec> specs;
  for (const auto word : split_words(entry.value, " \t,")) {
    auto spec = parse_device_spec(word);
    if (!spec) {
      return bad_key(file, entry,
                     "contains '" + printable(word) + "'; expected " + std::string(words) +
                         ", an address such as 01:00.0 or IDs such as 10de:2d04");
    }
    specs.push_back(*spec);
  }
  if (specs.empty()) return bad_key(file, entry, "has no value");
  return specs;
}

Result<void> take_device(Settings& settings, std::string_view file, const KeyValue& entry) {
  if (entry.value == "auto") return {};
  if (entry.value == "none") {
    settings.forbidden = true;
    return {};
  }
  auto specs = take_specs(file, entry, "auto, none");
  if (!specs) return failure_of(specs);
  settings.devices = std::move(*specs);
  return {};
}

Result<void> take_extra_devices(Settings& settings, std::string_view file, const KeyValue& entry) {
  settings.extra_devices.emplace();
  if (entry.value == "none") return {};
  auto specs = take_specs(file, entry, "none");
  if (!specs) return failure_of(specs);
  settings.extra_devices = std::move(*specs);
  return {};
}

/// `yes_word` or `no_word`.
Result<bool> choice(std::string_view file, const KeyValue& entry, std::string_view yes_word,
                    std::string_view no_word) {
  if (entry.value == yes_word) return true;
  if (entry.value == no_word) return false;
  return bad_key(file, entry,
                 "is '" + printable(entry.value) + "'; expected " + std::string(yes_word) + " or " +
                     std::string(no_word));
}

Result<void> take_initramfs(Settings& settings, std::string_view file, const KeyValue& entry) {
  const auto early = choice(file, entry, "always", "auto");
  if (!early) return std::unexpected(early.error());
  settings.early = *early;
  return {};
}

Result<void> take_headless(Settings& settings, std::string_view file, const KeyValue& entry) {
  const auto headless = choice(file, entry, "yes", "no");
  if (!headless) return std::unexpected(headless.error());
  settings.headless = *headless;
  return {};
}

Result<void> take_auto_disable(Settings& settings, std::string_view file, const KeyValue& entry) {
  const auto allowed = choice(file, entry, "yes", "no");
  if (!allowed) return std::unexpected(allowed.error());
  settings.auto_disable = *allowed;
  return {};
}

Result<void> take_iommu(Settings& settings, std::string_view file, const KeyValue& entry) {
  const auto pass_through = choice(file, entry, "pt", "auto");
  if (!pass_through) return std::unexpected(pass_through.error());
  settings.pass_through = *pass_through;
  return {};
}

/// No value has a '#' in it.
std::string without_comment(std::string_view value) {
  return std::string(trim(value.substr(0, value.find('#'))));
}

struct Key {
  std::string_view name;
  Taker take;
};

constexpr std::array<Key, 6> keys = {{
    {"device", take_device},
    {"extra-devices", take_extra_devices},
    {"initramfs", take_initramfs},
    {"iommu", take_iommu},
    {"headless", take_headless},
    {"auto-disable", take_auto_disable},
}};

}  // namespace

Result<Settings> parse_settings(std::string_view file, std::string_view text) {
  auto entries = parse_key_values(file, text);
  if (!entries) return failure_of(entries);
  Settings settings;
  std::set<std::string> seen;
  for (auto& entry : *entries) {
    entry.value = without_comment(entry.value);
    const auto* key = std::ranges::find(keys, entry.key, &Key::name);
    if (key == keys.end()) {
      std::vector<std::string> known;
      for (const auto& one : keys) known.emplace_back(one.name);
      return bad_key(file, entry, "is not a setting (known: " + join(known, ", ") + ")");
    }
    if (!seen.insert(entry.key).second) return bad_key(file, entry, "is set twice");
    if (auto taken = key->take(settings, file, entry); !taken) return failure_of(taken);
  }
  return settings;
}

}  // namespace vfio_switch
