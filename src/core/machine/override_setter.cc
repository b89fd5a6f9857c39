// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/machine/override_setter.h"

#include <algorithm>
#include <cctype>

#include "core/base/text.h"

namespace vfio_switch {

namespace {

/// Every address in `line`, between whatever characters. A blank or a backslash ends a word: udev
/// rules and units escape nothing in an address.
void add_addresses(std::string line, std::set<PciAddress>& devices) {
  std::ranges::replace_if(
      line,
      [](unsigned char letter) {
        return std::isxdigit(letter) == 0 && letter != ':' && letter != '.';
      },
      ' ');
  for (const auto word : split_words(line)) {
    if (const auto address = PciAddress::parse(word)) devices.insert(*address);
  }
}

/// By driver_override, or by what a driver's own directory has (sysfs-bus-pci): bind and new_id.
bool gives_a_device(std::string_view line) {
  return line.contains("driver_override") ||
         (line.contains("/drivers/") && (line.contains("/bind") || line.contains("/new_id")));
}

}  // namespace

std::optional<OverrideSetter> find_override_setter(const std::string& path,
                                                   std::string_view content) {
  OverrideSetter setter;
  bool has_pattern = false;
  int number = 0;
  for (const auto line : split_lines(content)) {
    ++number;
    const auto counts = trim(line.substr(0, line.find(" #")));
    if (counts.starts_with('#') || counts.starts_with(';')) continue;
    const bool has_vfio = counts.contains("vfio");
    const bool is_rule = path.ends_with(".rules");
    if (gives_a_device(counts)) {
      if (setter.where.path.empty()) setter.where = {path, number};
      setter.gives_to_vfio = setter.gives_to_vfio && has_vfio;
      std::set<PciAddress> own;
      add_addresses(std::string(counts), own);
      // Each rule stands for itself: where one names no function, the others' say nothing.
      has_pattern = has_pattern || (is_rule && own.empty());
    }
    if (has_vfio && counts.contains("/unbind")) setter.gives_to_vfio = false;
    has_pattern = has_pattern || counts.contains('*');
    add_addresses(std::string(counts), setter.devices);
  }
  if (setter.where.path.empty()) return std::nullopt;
  if (has_pattern) setter.devices.clear();
  return setter;
}

}  // namespace vfio_switch
